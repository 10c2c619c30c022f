"""The fixed cast: Aiko owns the portal, Ben develops, Chie develops in another team and must see nothing of his."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, settings
from kirikae.confining.namespace import can_enclose

from machines import rate
from machines.health import buffer
from portal.accounts.models import Role, User
from portal.common.policy_head import recent_head
from tests.running import RunningPortal, kill_quietly, start_portal

# How long an example takes says something of the machine's load, not of the code.
settings.register_profile("kirikae", deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("slow", settings.get_profile("kirikae"), max_examples=3_000)
settings.load_profile("kirikae")

PASSWORD = "correct horse battery staple"


@pytest.fixture
def aiko(db: None) -> User:
    return User.objects.create_user(email="aiko@example.org", name="Aiko", password=PASSWORD, role=Role.OWNER)


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user(email="ben@example.org", name="Ben", password=PASSWORD)


@pytest.fixture
def chie(db: None) -> User:
    return User.objects.create_user(email="chie@example.org", name="Chie", password=PASSWORD)


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A browser in which the person is signed in."""

    def sign_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture(autouse=True)
def nothing_of_another_test() -> None:
    buffer.forget_all()
    recent_head.forget()
    rate.forget_all()


@pytest.fixture(scope="module")
def kept_for_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What is written in this fixture's block is there for each test of the module, and gone after the last.

    For what takes long to make. Each test's own transaction lies within this one.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def running_portal(tmp_path: Path) -> Iterator[RunningPortal]:
    """`manage.py up` in a fresh data folder, before anybody has set it up."""
    portal = start_portal(tmp_path / "data")
    yield portal
    kill_quietly(portal.process)


def pytest_configure() -> None:
    """In the background of a shell, and under nohup, these are ignored, and then by every program that a test starts.

    A handler of ours is not inherited, so programs start as from a terminal; what is ignored here stays without effect.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what belongs elsewhere: a test of the other database, of root, of a program that few machines have."""
    elsewhere = [item for item in items if any(not _is_here(*mark.args) for mark in item.iter_markers("where"))]
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = [item for item in items if item not in elsewhere]


def _is_here(place: str) -> bool:
    # In CI launches are tried on every Linux, and fail where they cannot run: their absence is no success.
    is_ci = sys.platform == "linux" and bool(os.environ.get("CI"))
    places = {
        "root": os.geteuid() == 0,
        "linux": sys.platform == "linux",
        "docker compose": _has_compose(),
        "namespaces": is_ci or _has_namespaces(),
        "confinement": is_ci or (sys.platform == "linux" and can_enclose()),
        "bench": find_spec("cedarpy") is not None,
        "mlx": find_spec("mlx_lm") is not None,
    }
    return (places | {connection.vendor: True}).get(place, False)


@cache
def _has_compose() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0


@cache
def _has_namespaces() -> bool:
    """Whether this user may make a network of their own, with all that the tests in it need."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "mount"))):
        return False
    command = ["unshare", "--net", "--mount", "ip", "route", "add", "local", "192.0.2.0/24", "dev", "lo"]
    return subprocess.run(command, capture_output=True, check=False).returncode in {0, 2}


@pytest.fixture(scope="session")
def needs_program() -> Callable[..., str]:
    """Path of the first program found. Without one the test is left out and named, or fails when CI is set."""

    def find(*names: str) -> str:
        for name in names:
            if path := shutil.which(name):
                return path
        sentence = f"no {' or '.join(names)} on this machine; .ci/run installs it"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)

    return find
