"""What the database refuses: rows of machines that make no sense."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from machines.models import Enrolment, JoinKey, Machine, Runtime
from portal.accounts.models import User
from tests.machines.conftest import join

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "sleeping"},
        {"state": "online", "token": None},
        {"report": {}},
        {"reported_at": NOW},
    ],
)
def test_database_refuses_machines_that_make_no_sense(changes: dict[str, object]) -> None:
    join("mini")

    with pytest.raises(IntegrityError), transaction.atomic():
        Machine.objects.update(**changes)


def test_database_keeps_names_in_use_unique_and_frees_those_of_retired_machines() -> None:
    first, _ = join("mini")
    second, _ = join("other")
    with pytest.raises(IntegrityError), transaction.atomic():
        Machine.objects.filter(pk=second.pk).update(name="mini")

    Machine.objects.filter(pk=first.pk).update(state="retired")

    assert Machine.objects.filter(pk=second.pk).update(name="mini") == 1


def test_database_refuses_two_runtimes_at_one_address() -> None:
    machine, _ = join("mini")
    Runtime.objects.create(machine=machine, kind="ollama", base_url="http://x", state="up")

    with pytest.raises(IntegrityError), transaction.atomic():
        Runtime.objects.create(machine=machine, kind="llama_cpp", base_url="http://x", state="up")


def test_database_refuses_a_join_key_used_more_often_than_allowed() -> None:
    join("mini")

    with pytest.raises(IntegrityError), transaction.atomic():
        JoinKey.objects.update(uses_made=2)


@pytest.mark.parametrize("changes", [{"state": "approved"}, {"handed_out_at": NOW}, {"state": "lost"}])
def test_database_refuses_enrolments_that_make_no_sense(changes: dict[str, object], ben: User) -> None:
    values = {"code_digest": "c", "poll_digest": "p", "name": "x", "hardware": {}, "address": "127.0.0.1"}
    Enrolment.objects.create(**values, created_at=NOW, expires_at=NOW + timedelta(minutes=10))

    with pytest.raises(IntegrityError), transaction.atomic():
        Enrolment.objects.update(**changes)
