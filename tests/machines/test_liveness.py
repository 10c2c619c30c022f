"""States by the portal's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from machines.liveness import mark_seen, refresh_states, state_at
from machines.models import Enrolment, JoinKey, Machine, Runtime
from machines.tasks import refresh_machine_states
from portal.accounts.models import User
from tests.machines.conftest import join

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
BY_SILENCE = [
    (0, "online"),
    (90, "online"),
    (91, "late"),
    (195, "late"),
    (196, "offline"),
    (14 * 86400, "offline"),
    (14 * 86400 + 1, "missing"),
]


@pytest.mark.parametrize(("silence_s", "state"), BY_SILENCE)
def test_state_follows_the_silence(silence_s: int, state: str) -> None:
    machine, _ = join("mini")
    Machine.objects.update(last_seen_at=NOW - timedelta(seconds=silence_s), state="pending")

    refresh_states(now=NOW)

    machine.refresh_from_db()
    assert machine.state == state
    assert state_at(machine.last_seen_at, now=NOW) == state


def test_machine_that_was_never_seen_stays_pending() -> None:
    machine, _ = join("mini")

    assert refresh_states(now=NOW) == 0
    machine.refresh_from_db()
    assert machine.state == "pending"


def test_state_since_moves_only_when_the_state_does() -> None:
    machine, _ = join("mini")
    mark_seen(machine, now=NOW)
    mark_seen(machine, now=NOW + timedelta(seconds=60))

    machine.refresh_from_db()
    assert (machine.last_seen_at, machine.state_since) == (NOW + timedelta(seconds=60), NOW)
    assert refresh_states(now=NOW + timedelta(seconds=61)) == 0


def test_retired_machine_stays_retired_whatever_comes_in() -> None:
    machine, _ = join("mini")
    Machine.objects.update(state="retired", last_seen_at=NOW - timedelta(days=30))

    assert not mark_seen(machine, now=NOW)
    refresh_states(now=NOW)

    machine.refresh_from_db()
    assert machine.state == "retired"


def test_last_seen_never_goes_back() -> None:
    machine, _ = join("mini")
    mark_seen(machine, now=NOW)

    assert not mark_seen(machine, now=NOW - timedelta(seconds=1))


def test_number_of_queries_does_not_grow_with_machines(django_assert_num_queries: object) -> None:
    for _ in range(3):
        machine, _token = join("mini")
        mark_seen(machine, now=NOW)

    with django_assert_num_queries(4):  # type: ignore[operator] # a fixture
        refresh_states(now=NOW + timedelta(hours=1))


def test_scheduled_task_sets_the_states() -> None:
    machine, _ = join("mini")
    Machine.objects.update(last_seen_at=datetime(2020, 1, 1, tzinfo=UTC), state="online")

    assert refresh_machine_states() == 1
    machine.refresh_from_db()
    assert machine.state == "missing"


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
