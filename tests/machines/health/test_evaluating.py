"""Transitions: written once, only those that are due, and none that the portal's own absence brought about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from machines.health.evaluating import evaluate_due
from machines.health.listening import sign
from machines.health.models import FleetSample, Health, StateChange, Watch
from machines.health.receiving import Message, receive_now
from machines.models import Machine
from machines.tasks import watch_machines
from tests.machines.conftest import join

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def hear(machine: Machine, at: datetime, **more: Any) -> None:
    receive_now(Health.objects.select_related("machine").get(pk=machine.pk), Message(at=at, **more))


def state_of(machine: Machine) -> str:
    return str(Machine.objects.get(pk=machine.pk).state)


def after(**parts: float) -> datetime:
    return NOW + timedelta(**parts)


@pytest.fixture
def mini() -> Machine:
    machine, _ = join("mini")
    hear(machine, NOW, is_report=True)
    evaluate_due(now=NOW)
    return machine


def test_silence_brings_one_transition_each(mini: Machine) -> None:
    silences_s = (30, 91, 100, 196, 300, 15 * 86_400, 16 * 86_400)
    changed = [evaluate_due(now=after(seconds=silence_s)) for silence_s in silences_s]

    assert changed == [0, 1, 0, 1, 0, 1, 0]
    changes = StateChange.objects.order_by("pk").values_list("before", "after")
    assert list(changes) == [("pending", "online"), ("online", "late"), ("late", "offline"), ("offline", "missing")]


def test_state_since_moves_only_when_the_state_does(mini: Machine) -> None:
    hear(mini, after(seconds=60))
    evaluate_due(now=after(seconds=61))

    mini.refresh_from_db()
    assert (mini.state_since, mini.health.seen_at) == (NOW, after(seconds=60))


def test_one_message_after_an_absence_is_late_and_two_are_a_return(mini: Machine) -> None:
    evaluate_due(now=after(hours=1))
    states = [state_of(mini)]
    for minute in (61, 62):
        hear(mini, after(minutes=minute))
        evaluate_due(now=after(minutes=minute, seconds=1))
        states.append(state_of(mini))

    assert states == ["offline", "late", "online"]


def test_machine_that_was_never_seen_stays_pending() -> None:
    machine, _ = join("mini")

    assert evaluate_due(now=after(days=30)) == 0
    assert state_of(machine) == "pending"


def test_portal_that_was_away_calls_no_machine_silent(mini: Machine) -> None:
    sign(now=NOW)
    back = after(hours=3)
    sign(now=back)

    evaluate_due(now=back + timedelta(seconds=80))
    at_once = state_of(mini)
    sign(now=back + timedelta(seconds=30))
    for second in range(40, 200, 10):
        sign(now=back + timedelta(seconds=second))
    evaluate_due(now=back + timedelta(seconds=196))

    assert (at_once, state_of(mini)) == ("online", "offline")


def test_nothing_is_evaluated_while_no_web_process_listens(mini: Machine) -> None:
    sign(now=NOW)

    assert evaluate_due(now=after(hours=1)) == 0
    assert state_of(mini) == "online"
    assert Watch.objects.get().evaluated_at == after(hours=1)


def test_evaluator_that_was_away_knows_when_machines_were_seen(mini: Machine) -> None:
    """The web processes went on listening, so machines that are there stay what they are."""
    other, _ = join("other")
    hear(other, NOW, is_report=True)
    for minute in range(61):
        sign(now=after(minutes=minute))
        sign(now=after(minutes=minute, seconds=30))
        hear(mini, after(minutes=minute))

    evaluate_due(now=after(hours=1))

    assert (state_of(mini), state_of(other)) == ("online", "offline")
    assert not StateChange.objects.filter(machine=mini, at__gt=NOW).exists()


def test_sign_says_since_when_the_portal_listens_without_a_gap() -> None:
    for second in (0, 15, 30, 75, 76):
        sign(now=after(seconds=second))
    unbroken = Watch.objects.get().listening_since
    sign(now=after(seconds=122))

    assert (unbroken, Watch.objects.get().listening_since) == (NOW, after(seconds=122))


def test_clock_that_is_set_back_flips_nothing(mini: Machine) -> None:
    hear(mini, after(seconds=10))
    hear(mini, after(seconds=-3600))

    assert evaluate_due(now=after(seconds=-3600)) == 0
    assert Health.objects.get().seen_at == after(seconds=10)


def test_silence_is_noticed_after_the_clock_was_a_day_ahead() -> None:
    machine, _ = join("mini")
    for start in (after(days=1), NOW):
        sign(now=start)
        hear(machine, start, is_report=True)
        evaluate_due(now=start)

    for minute in range(1, 6):
        sign(now=after(minutes=minute))
        sign(now=after(minutes=minute, seconds=30))
    evaluate_due(now=after(minutes=6))

    machine.refresh_from_db()
    assert machine.state == "offline"


def test_retired_machine_stays_retired(mini: Machine) -> None:
    Machine.objects.update(state="retired")

    assert evaluate_due(now=after(days=1)) == 0
    assert evaluate_due(now=after(days=2)) == 0


def test_cost_follows_the_transitions_and_not_the_machines(mini: Machine) -> None:
    def count_queries(silent: int, well: int) -> int:
        Health.objects.update(due_at=None)
        ids = list(Health.objects.values_list("pk", flat=True))
        Health.objects.filter(pk__in=ids[:silent]).update(seen_at=NOW, due_at=after(seconds=90))
        Health.objects.filter(pk__in=ids[silent : silent + well]).update(seen_at=after(days=1), due_at=after(days=2))
        Machine.objects.update(state="online")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            evaluate_due(now=after(seconds=91))
        return len(queries)

    for number in range(12):
        join(f"mini-{number}")

    assert count_queries(silent=2, well=0) == count_queries(silent=2, well=10) == count_queries(silent=10, well=0)


def test_fleet_is_counted_every_ten_minutes_and_for_a_week(mini: Machine) -> None:
    for minute in range(0, 31, 5):
        evaluate_due(now=after(minutes=minute))
    times = FleetSample.objects.order_by("at").values_list("at", flat=True)
    assert list(times) == [after(minutes=minute) for minute in (0, 10, 20, 30)]

    evaluate_due(now=after(days=9))

    assert FleetSample.objects.get().counts == {"offline": 1}
    evaluate_due(now=after(days=8))
    assert FleetSample.objects.count() == 2


def test_scheduled_task_evaluates(mini: Machine) -> None:
    Health.objects.update(seen_at=datetime(2020, 1, 1, tzinfo=UTC), due_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert watch_machines() == 1
    assert state_of(mini) == "missing"
