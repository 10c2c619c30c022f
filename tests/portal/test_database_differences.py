"""Where SQLite and PostgreSQL differ, the portal does the same on both. The suite runs on one after the other."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.test import Client

from machines.models import Machine
from portal.accounts.invitations import list_people
from portal.accounts.models import Scope, User
from portal.accounts.tokens import issue_service_token
from portal.audit.models import AuditEntry
from portal.audit.services import record
from routing.services import publish_revision
from tests.conftest import PASSWORD
from tests.places import new_place
from tests.running import portal_environment

pytestmark = pytest.mark.django_db
NUL = "\x00"


def person(**changes: str) -> User:
    columns = {"email": "dan@example.org", "name": "Dan"} | changes
    return User.objects.create_user(**columns, password=PASSWORD)


# PostgreSQL takes no NUL in a text or in JSON, SQLite does.


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\u0000b"])
@pytest.mark.parametrize("path", ["decisions", "enrolments", "enrolments/poll"])
def test_nul_and_lone_surrogates_in_json_are_refused(path: str, text: str, aiko: User) -> None:
    token = issue_service_token(name="t", scope=Scope.DECIDE, by=aiko).text
    body = f'{{"task": "{text}", "name": "{text}", "poll_token": "{text}"}}'

    answer = Client().post(
        f"/api/v1/{path}", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/machines/m_%00/",
        "/machines/add?code=%00",
        "/decisions/%00/",
        "/decisions/?task=%00&backend=%00",
        "/people/join/%00",
        "/setup/%00",
        "/sign-in?next=%00",
        "/rules/?q=%00",
    ],
)
def test_nul_in_an_address_finds_nothing(path: str, aiko: User, client_of: Callable[[User], Client]) -> None:
    assert client_of(aiko).get(path).status_code < 500
    assert Client().get(path).status_code < 500


@pytest.mark.parametrize(
    "path", ["machines/%00", "decide?task=%00", "decide?task=commit-message&label=%00&machine=%00"]
)
def test_nul_in_an_address_of_the_api_is_refused(path: str, aiko: User) -> None:
    token = issue_service_token(name="t", scope=Scope.ADMIN, by=aiko).text

    answer = Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})

    assert 400 <= answer.status_code < 500


def test_nul_in_a_cookie_is_no_session() -> None:
    assert Client().get("/", HTTP_COOKIE='sessionid="abcdefgh\\000"').status_code == 302


def test_nul_in_a_form_is_refused_at_its_field() -> None:
    answer = Client().post("/sign-in", {"username": f"aiko{NUL}@example.org", "password": NUL})

    assert b"Null characters are not allowed" in answer.content


# SQLite does not look at the length of a text.


def test_person_with_the_longest_address_can_act() -> None:
    longest = f"{'d' * 64}@{'.'.join(['e' * 60] * 3)}.org"
    dan = person(email=longest)

    entry = record(by=dan, action="test", subject=dan)
    revision = publish_revision(document={"version": 1}, by=dan)

    assert longest.startswith(entry.actor)
    assert longest.startswith(revision.actor)


def test_text_that_is_too_long_is_refused_at_the_border(aiko: User, client_of: Callable[[User], Client]) -> None:
    answer = client_of(aiko).post("/people", {"email": "x@example.org", "name": "x" * 101, "role": "developer"})
    assert answer.status_code == 422
    assert Client().post("/sign-in", {"username": "x" * 300, "password": "x"}).status_code == 422
    with pytest.raises(CommandError, match="100"):
        call_command("api_token", "--name", "x" * 101, "--scope", "read")


def test_note_of_a_revision_that_is_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\n")

    with pytest.raises(CommandError, match="500"):
        call_command("policy", "import", str(tmp_path / "policy.yaml"), "--publish", "--override", "x" * 501)


# SQLite lowers only ASCII, and PostgreSQL orders by the locale of its cluster.


@pytest.mark.parametrize("typed", ["DAN@EXAMPLE.ORG", " dan@Example.org "])
def test_people_sign_in_however_they_write_their_address(typed: str) -> None:
    person()

    assert Client().post("/sign-in", {"username": typed, "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(("one", "other"), [("dan@example.org", "Dan@Example.ORG"), ("ärger@a.org", "ÄRGER@a.org")])
def test_one_address_is_one_person_whatever_its_case(one: str, other: str) -> None:
    person(email=one)

    with pytest.raises(IntegrityError), transaction.atomic():
        person(email=other)


def test_names_of_machines_differ_by_case() -> None:
    now = datetime.now(UTC)
    for name in ("ben-mini", "Ben-Mini"):
        Machine.objects.create(name=name, state="pending", state_since=now, created_at=now)

    assert Machine.objects.get(name="Ben-Mini").name == "Ben-Mini"
    assert [machine.name for machine in Machine.objects.all()] == ["Ben-Mini", "ben-mini"]


def test_names_are_ordered_by_code_point() -> None:
    for number, name in enumerate(["愛子", "dan", "Zoe", "Émile", "aiko"]):
        person(email=f"{number}@example.org", name=name)

    assert [one.name for one in list_people()] == ["Zoe", "aiko", "dan", "Émile", "愛子"]


# PostgreSQL keeps times with their zone, SQLite as text.


@pytest.mark.parametrize("hours", [-12, 0, 9, 14])
def test_times_keep_their_moment_to_the_microsecond(hours: int) -> None:
    moment = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=hours)))
    dan = person()
    record(by=dan, action="test", subject=dan)

    AuditEntry.objects.update(at=moment)

    entry = AuditEntry.objects.get(at=moment)
    assert entry.at == moment
    assert entry.at.utcoffset() == timedelta()
    assert not AuditEntry.objects.filter(at__lt=moment).exists()


# After an error PostgreSQL takes nothing more in the transaction, SQLite goes on.


def test_refused_row_spoils_only_its_own_block() -> None:
    person()
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            person()
        person(email="emi@example.org")

    assert User.objects.count() == 2


def test_json_keeps_numbers_and_the_order_of_lists() -> None:
    dan = person()
    data: dict[str, Any] = {"big": 2**53, "small": 1e-9, "list": [3, 1, 2], "text": "日本語 \u2028", "none": None}

    record(by=dan, action="test", subject=dan, data=data)

    assert AuditEntry.objects.get().data == data


# SQLite locks the whole database where PostgreSQL locks the head's row.


@pytest.mark.slow
def test_publishing_at_once_from_several_processes_loses_no_revision(tmp_path: Path) -> None:
    place = new_place(tmp_path / "data")
    place.manage("migrate", "--verbosity", "0")
    (tmp_path / "policy.yaml").write_text("version: 1\n")
    command = [sys.executable, "manage.py", "policy", "import", str(tmp_path / "policy.yaml"), "--publish"]
    environment = portal_environment(**place.variables)

    publishers = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(4)]

    assert [publisher.wait(60) for publisher in publishers] == [0] * 4
    numbers = (
        "import json; from routing.models import *; print(json.dumps([r.number for r in PolicyRevision.objects.all()]))"
    )
    assert json.loads(place.manage("shell", "-v", "0", "-c", numbers)) == [5, 4, 3, 2, 1]
