"""The state of a machine, from facts alone: a table of what is expected, and promises over all facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from machines.health.choices import MachineState
from machines.health.states import HealthFacts, Judgement, judge

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
DAY_S = 86_400


def facts(silence_s: float | None, state: str = "online", **more: Any) -> HealthFacts:
    seen_at = None if silence_s is None else NOW - timedelta(seconds=silence_s)
    return HealthFacts(state=MachineState(state), seen_at=seen_at, **{"interval_s": 60, **more})


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("known", "state", "due_in_s"),
    [
        # Silence, with the interval that the agent was told.
        (facts(None, "pending"), "pending", None),
        (facts(0, "pending"), "online", 90),
        (facts(90), "online", 0),
        (facts(90.1), "late", 104.9),
        (facts(195), "late", 0),
        (facts(195.1), "offline", 14 * DAY_S - 195.1),
        (facts(14 * DAY_S), "offline", 0),
        (facts(14 * DAY_S + 1), "missing", None),
        (facts(800, interval_s=600), "online", 100),
        (facts(1816, interval_s=600), "offline", 14 * DAY_S - 1816),
        # Back after having been gone: one message is not a return yet.
        (facts(1, "offline", arrivals=1), "late", 194),
        (facts(1, "offline", arrivals=2), "online", 89),
        (facts(1, "missing", arrivals=1), "late", 194),
        (facts(200, "late", arrivals=1), "offline", 14 * DAY_S - 200),
        # An announced sleep is no failure, until it lasts for weeks.
        (facts(5, slept_at=ago(5)), "asleep", 14 * DAY_S - 5),
        (facts(5 * DAY_S, "asleep", slept_at=ago(5 * DAY_S)), "asleep", 9 * DAY_S),
        (facts(15 * DAY_S, "asleep", slept_at=ago(15 * DAY_S)), "missing", None),
        (facts(1, "asleep", slept_at=ago(60)), "online", 89),
        # Reports and reachable are two things.
        (facts(1, is_degraded=True), "degraded", 89),
        (facts(1, reachable=False), "degraded", 89),
        (facts(1, reachable=True), "online", 89),
        (facts(100, is_degraded=True), "late", 95),
        (facts(500, "offline", arrivals=0, reachable=True), "degraded", 60),
        (facts(500, "offline", arrivals=0, reachable=False), "offline", 14 * DAY_S - 500),
        # While the portal could not hear, silence did not count.
        (facts(3600, listening_since=ago(10)), "online", 80),
        (facts(3600, listening_since=ago(100)), "late", 95),
        (facts(3600, listening_since=ago(200)), "offline", 14 * DAY_S - 3600),
        (facts(3600, "offline", arrivals=0, listening_since=ago(10)), "offline", 14 * DAY_S - 3600),
        (facts(15 * DAY_S, listening_since=ago(10)), "online", 80),
        # What people decided stands above all that is heard.
        (facts(1, is_quarantined=True), "quarantined", None),
        (facts(None, "pending", is_quarantined=True), "quarantined", None),
        (facts(1, "retired", is_quarantined=True), "retired", None),
        (facts(1, "quarantined"), "online", 89),
        # A clock that was set back makes no silence and no future.
        (facts(-3600), "online", 3690),
    ],
)
def test_state_follows_from_the_facts(known: HealthFacts, state: str, due_in_s: float | None) -> None:
    due_at = None if due_in_s is None else NOW + timedelta(seconds=due_in_s)

    assert judge(known, now=NOW) == Judgement(MachineState(state), due_at)


seconds = st.floats(0, 20 * DAY_S)
KNOWN = st.builds(
    HealthFacts,
    state=st.sampled_from(MachineState),
    seen_at=st.none() | seconds.map(ago),
    interval_s=st.floats(60, 600),
    arrivals=st.integers(0, 2),
    slept_at=st.none() | seconds.map(ago),
    is_degraded=st.booleans(),
    reachable=st.none() | st.booleans(),
    is_quarantined=st.booleans(),
    listening_since=st.none() | seconds.map(ago),
)
# From well to gone; the others are no question of silence.
ORDER = ["online", "degraded", "late", "offline", "missing"]


@given(KNOWN, st.floats(0, 1))
def test_until_it_is_due_the_state_stays_what_it_is(known: HealthFacts, part: float) -> None:
    judgement = judge(known, now=NOW)
    until = judgement.due_at or NOW + timedelta(days=30)

    later = judge(replace(known, state=judgement.state), now=NOW + (until - NOW) * part)

    if known.reachable and judgement.state is MachineState.DEGRADED:
        assert later.state is MachineState.DEGRADED
    elif known.arrivals or judgement.state not in ("offline", "missing"):
        assert later.state is judgement.state


@given(KNOWN, seconds)
def test_silence_never_makes_a_machine_better(known: HealthFacts, more_s: float) -> None:
    before = judge(known, now=NOW).state

    after = judge(replace(known, state=before), now=NOW + timedelta(seconds=more_s)).state

    if before in ORDER and after in ORDER and not known.reachable:
        assert ORDER.index(after) >= ORDER.index(before)


@given(KNOWN)
def test_judging_twice_says_the_same(known: HealthFacts) -> None:
    first = judge(known, now=NOW)

    assert judge(replace(known, state=first.state), now=NOW).state is first.state


@given(KNOWN)
def test_no_machine_goes_down_soon_after_the_portal_began_to_listen(known: HealthFacts) -> None:
    known = replace(known, listening_since=ago(known.interval_s * 3), reachable=None)

    after = judge(known, now=NOW).state

    if after in ("offline", "missing") and known.arrivals:
        assert known.slept_at is not None


@given(KNOWN)
def test_retired_and_quarantined_are_left_by_people_alone(known: HealthFacts) -> None:
    after = judge(known, now=NOW).state

    assert (after is MachineState.RETIRED) == (known.state is MachineState.RETIRED)
    if known.is_quarantined and known.state is not MachineState.RETIRED:
        assert after is MachineState.QUARANTINED
