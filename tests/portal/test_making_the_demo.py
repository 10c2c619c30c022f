"""Making and removing the demo in a portal of which each test says what is in it; `test_demo` has one made already."""

import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.accounts.models import User
from portal.demo.cast import MACS
from portal.demo.services import POLICY_FILE, DemoRefusedError, make_demo, remove_demo
from portal.demo.story import Incident, tell_story
from portal.demo.tasks import keep_demo_alive
from portal.notices.models import Delivery
from routing.bundles import forget_bundles, get_current_bundle
from routing.models import Decision, PolicyRequest, PolicyRevision
from routing.policy_cases import run_cases
from routing.policy_file import read_policy_file
from routing.services import ensure_first_revision, publish_revision
from tests.running import kill_quietly, portal_environment, start_portal

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

# A Wednesday afternoon in Tokyo.
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
MAKE_SMALL_DEMO = """
import django
django.setup()
from portal.common import clock
from portal.demo.services import make_demo
make_demo(now=clock.now(), days_of_work=1)
"""


@pytest.fixture(autouse=True)
def no_bundle_of_another_test() -> None:
    forget_bundles()


def test_the_same_day_tells_the_same_story() -> None:
    assert tell_story(now=NOW, days=59) == tell_story(now=NOW, days=59)


def test_sixty_days_hold_every_incident_and_nothing_of_the_future() -> None:
    asks = tell_story(now=NOW, days=59)

    assert Counter(ask.incident for ask in asks if ask.incident) == {
        Incident.LAUNCHED_CLOUD: 3,
        Incident.OTHER_ANSWER: 1,
        Incident.LAUNCHED_DIRECTLY: 2,
        Incident.ARGUMENT_REFUSED: 1,
    }
    assert 1500 < len(asks) < 3000
    assert asks[0].at > NOW - timedelta(days=60)
    assert asks[-1].at < NOW


def test_a_portal_that_is_no_demo_does_not_say_so(client: Client) -> None:
    assert "DEMO" not in client.get("/sign-in").content.decode()


def test_a_portal_that_is_no_demo_has_no_such_agents() -> None:
    assert not keep_demo_alive.apply().get()


def test_the_policy_of_the_demo_passes_its_own_cases(aiko: User) -> None:
    publish_revision(document=read_policy_file(POLICY_FILE.read_bytes()), by=aiko)

    results = run_cases(get_current_bundle().bundle, now=NOW)

    assert len(results) == 9
    assert [result.case.name for result in results if not result.is_met] == []


def test_a_portal_with_data_of_its_own_takes_no_demo(aiko: User) -> None:
    with pytest.raises(DemoRefusedError, match="data of its own"):
        make_demo(now=NOW, days_of_work=1)

    assert list(User.objects.all()) == [aiko]


def test_a_portal_that_was_only_started_takes_the_demo() -> None:
    ensure_first_revision()

    make_demo(now=NOW, days_of_work=1)

    assert PolicyRevision.objects.get(number=1).at == NOW - timedelta(days=60)


def test_the_files_of_sqlite_hold_nothing_of_a_removed_demo(tmp_path: Path) -> None:
    def run(*arguments: str) -> None:
        environment = portal_environment(KIRIKAE_DATA_DIR=str(tmp_path), DJANGO_SETTINGS_MODULE="portal.settings")
        subprocess.run([sys.executable, *arguments], env=environment, timeout=120, check=True)

    run("manage.py", "migrate", "--verbosity", "0")
    run("-c", MAKE_SMALL_DEMO)
    # As a portal that runs: the log is not written into the file when the command ends.
    with closing(sqlite3.connect(tmp_path / "kirikae.sqlite3")) as portal:
        assert portal.execute("SELECT count(*) FROM machines_machine").fetchone() == (len(MACS),)

        run("manage.py", "demo", "--remove")

        assert portal.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert not any(b"demo-sato" in file.read_bytes() for file in tmp_path.glob("kirikae.sqlite3*"))


def test_a_real_portal_is_not_removed(aiko: User) -> None:
    with pytest.raises(CommandError, match="no demo"):
        call_command("demo", "--remove")

    assert list(User.objects.all()) == [aiko]


@pytest.mark.e2e
def test_up_demo_starts_with_the_team_in_it(tmp_path: Path) -> None:
    # A machine that is busy with other tests takes its time; the figure is measured elsewhere.
    portal = start_portal(tmp_path / "data", is_set_up=True, options=["--demo"], within_s=90)
    try:
        assert portal.process.stdout is not None
        told = portal.process.stdout.readline()
    finally:
        kill_quietly(portal.process)

    assert re.fullmatch(r"DEMO: 8 people, 11 Macs, \d+ decisions\.\n", told)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "", "1001", "9" * 5000, "1_0", "１０"])
def test_an_odd_scale_is_refused_before_anything_is_made(value: str) -> None:
    with pytest.raises(CommandError, match="a whole number from 1 to 1000") as refused:
        call_command("demo", f"--scale={value}")

    assert str(refused.value).count("\n") == 0
    assert not User.objects.exists()


def test_the_same_day_gives_the_same_copies_requests_and_deliveries() -> None:
    now = datetime.now(UTC)
    first, second = (_told(now) for _time in range(2))

    assert first == second


def _told(now: datetime) -> list[list[tuple[object, ...]]]:
    forget_bundles()
    make_demo(now=now, days_of_work=1, scale=2)
    copies = Decision.objects.filter(machine__name__regex=r"-[0-9]+$")
    told: list[list[tuple[object, ...]]] = [
        sorted(copies.values_list("pk", "at", "machine__name", "task", "backend", "remotes")),
        list(PolicyRequest.objects.values_list("at", "machine__name", "remotes", "state", "answered_at", "revision")),
        list(Delivery.objects.values_list("notice__kind", "notice__at", "destination__name", "state", "ended_at")),
    ]
    remove_demo()
    return told
