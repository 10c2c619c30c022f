"""The state of one machine, from facts alone: no database, no clock. Everything that shows a state asks here.

A machine gets worse by silence and better only by messages. Both ways have hysteresis: silence passes through `late`
before it is `offline`, and a machine that was gone is `late` until its second message. Silence counts only while the
portal could hear.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from machines.health.choices import MachineState

MISSING_AFTER = timedelta(days=14)
LATE_AFTER_INTERVALS = 1.5
OFFLINE_AFTER_INTERVALS = 3
# The third message may itself be a little late.
OFFLINE_GRACE = timedelta(seconds=15)
ARRIVALS_TO_RETURN = 2
# A machine that is silent but answers the portal's own look is looked at again after this.
LOOK_AGAIN = timedelta(seconds=60)

_GONE = frozenset({MachineState.OFFLINE, MachineState.MISSING})
_UNHEARD = _GONE | {MachineState.DEGRADED}


def late_after(interval_s: float) -> timedelta:
    return timedelta(seconds=LATE_AFTER_INTERVALS * interval_s)


def offline_after(interval_s: float) -> timedelta:
    return timedelta(seconds=OFFLINE_AFTER_INTERVALS * interval_s) + OFFLINE_GRACE


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """All times are the portal's. `reachable` is the poller's fresh view, None when it does not look."""

    state: MachineState
    seen_at: datetime | None
    interval_s: float
    arrivals: int = ARRIVALS_TO_RETURN
    slept_at: datetime | None = None
    is_degraded: bool = False
    reachable: bool | None = None
    is_quarantined: bool = False
    # None: as long as can be remembered.
    listening_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state, and when it changes if nothing more is heard; None: never by itself."""

    state: MachineState
    due_at: datetime | None


def judge(facts: HealthFacts, *, now: datetime) -> Judgement:
    if facts.state is MachineState.RETIRED:
        return Judgement(MachineState.RETIRED, None)
    if facts.is_quarantined:
        return Judgement(MachineState.QUARANTINED, None)
    if facts.seen_at is None:
        return Judgement(MachineState.PENDING, None)
    missing_at = facts.seen_at + MISSING_AFTER
    if facts.slept_at is not None and facts.slept_at >= facts.seen_at:
        return _gone_since(missing_at, now, otherwise=MachineState.ASLEEP)
    return _judge_silence(facts, now, heard_at=_heard_at(facts), missing_at=missing_at)


def _judge_silence(facts: HealthFacts, now: datetime, *, heard_at: datetime, missing_at: datetime) -> Judgement:
    offline_at = heard_at + offline_after(facts.interval_s)
    # A portal that has just begun to listen knows nothing better of those that were gone, and only seen by its poller.
    if now > offline_at or (facts.state in _UNHEARD and not facts.arrivals):
        if facts.reachable:
            return Judgement(MachineState.DEGRADED, now + LOOK_AGAIN)
        return _gone_since(missing_at, now, otherwise=MachineState.OFFLINE)
    late_at = heard_at + late_after(facts.interval_s)
    if now > late_at or facts.arrivals < ARRIVALS_TO_RETURN:
        return Judgement(MachineState.LATE, offline_at)
    is_unwell = facts.is_degraded or facts.reachable is False
    state = MachineState.DEGRADED if is_unwell else MachineState.ONLINE
    return Judgement(state, late_at)


def _heard_at(facts: HealthFacts) -> datetime:
    """From when silence counts. Raises ValueError for a machine that was never heard."""
    if facts.seen_at is None:
        raise ValueError("never heard")
    return max(facts.seen_at, facts.listening_since or facts.seen_at)


def _gone_since(missing_at: datetime, now: datetime, *, otherwise: MachineState) -> Judgement:
    if now > missing_at:
        return Judgement(MachineState.MISSING, None)
    return Judgement(otherwise, missing_at)
