"""When the service speaks to the portal."""

import pytest
from kirikae.service.schedule import LONGEST_BACKOFF_S, Schedule

ANSWER = {"heartbeat_s": 60, "report_s": 600}


def middle() -> float:
    return 0.5


def highest() -> float:
    return 0.999999


def test_the_first_message_is_a_report_at_once() -> None:
    start = Schedule.starting(100.0)

    assert start.next_at == 100.0
    assert start.is_report_due(100.0)


def test_the_intervals_are_those_that_the_portal_asks_for() -> None:
    after = Schedule.starting(0.0).after_answer(
        0.0, {"heartbeat_s": 30, "report_s": 300}, is_report=True, chance=middle
    )

    assert (after.heartbeat_at, after.report_at) == (30.0, 300.0)


@pytest.mark.parametrize("odd", [None, True, "60", -5, 0, 1e12, 10**400, float("nan")])
def test_an_odd_interval_keeps_the_agent_within_reason(odd: object) -> None:
    after = Schedule.starting(0.0).after_answer(0.0, {"heartbeat_s": odd}, is_report=False, chance=middle)

    assert 5.0 <= after.heartbeat_at <= 3600.0


def test_a_wanted_report_follows_at_once() -> None:
    before = Schedule.starting(0.0).after_answer(0.0, ANSWER, is_report=True, chance=middle)

    after = before.after_answer(60.0, {**ANSWER, "report_wanted": True}, is_report=False, chance=middle)

    assert after.next_at == 60.0
    assert after.is_report_due(60.0)


def test_machines_that_started_together_do_not_stay_together() -> None:
    start = Schedule.starting(0.0)

    times = {
        start.after_answer(0.0, ANSWER, is_report=True, chance=chance).heartbeat_at
        for chance in (lambda: 0.0, middle, highest)
    }

    assert len(times) == 3
    assert all(57.0 <= time <= 63.0 for time in times)


def test_waiting_after_failures_doubles_up_to_a_bound_and_any_part_of_it_is_taken() -> None:
    schedule, bounds = Schedule.starting(0.0), []
    for _ in range(8):
        schedule = schedule.after_failure(0.0, retry_after_s=None, chance=highest)
        bounds.append(round(schedule.next_at))

    assert bounds == [60, 120, 240, 480, 900, 900, 900, 900]
    assert schedule.after_failure(0.0, retry_after_s=None, chance=lambda: 0.5).next_at == LONGEST_BACKOFF_S / 2


def test_never_before_the_portal_asked_for() -> None:
    after = Schedule.starting(0.0).after_failure(0.0, retry_after_s=40, chance=lambda: 0.0)

    assert after.next_at >= 40.0


def test_a_due_report_waits_for_the_next_try_while_the_portal_is_away() -> None:
    after = Schedule.starting(0.0).after_failure(0.0, retry_after_s=None, chance=highest)

    assert after.next_at == pytest.approx(60.0, abs=0.1)


def test_one_good_answer_ends_the_waiting() -> None:
    away = Schedule.starting(0.0).after_failure(0.0, retry_after_s=None, chance=highest)

    assert away.after_answer(70.0, ANSWER, is_report=True, chance=middle).failures == 0


def test_after_sleep_the_machine_speaks_within_seconds() -> None:
    before = Schedule.starting(0.0).after_answer(0.0, ANSWER, is_report=True, chance=middle)

    assert before.after_wake(10.0, chance=middle).next_at == 12.5
