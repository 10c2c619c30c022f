"""Whether a machine is there, told by the portal's clock alone: what agents say of the time does not count."""

from datetime import datetime, timedelta

from django.db.models import Case, F, Value, When

from machines.models import Machine, MachineState

HEARTBEAT_S = 60
# Below the policy's default `facts_max_age_s` of 900, so that one lost report leaves the facts fresh enough.
REPORT_S = 600

LATE_AFTER = timedelta(seconds=1.5 * HEARTBEAT_S)
OFFLINE_AFTER = timedelta(seconds=3 * HEARTBEAT_S + 15)
MISSING_AFTER = timedelta(days=14)


def state_at(last_seen_at: datetime | None, *, now: datetime) -> MachineState:
    """The state of a machine that is not retired."""
    if last_seen_at is None:
        return MachineState.PENDING
    silence = now - last_seen_at
    if silence > MISSING_AFTER:
        return MachineState.MISSING
    if silence > OFFLINE_AFTER:
        return MachineState.OFFLINE
    return MachineState.LATE if silence > LATE_AFTER else MachineState.ONLINE


def refresh_states(*, now: datetime) -> int:
    """Bring every stored state up to `now`; four updates whatever the number of machines. Returns how many changed.

    Each update carries its condition, so a heartbeat that comes in between is not overwritten.
    """
    late, offline, missing = now - LATE_AFTER, now - OFFLINE_AFTER, now - MISSING_AFTER
    ranges: tuple[tuple[MachineState, datetime | None, datetime | None], ...] = (
        (MachineState.ONLINE, late, None),
        (MachineState.LATE, offline, late),
        (MachineState.OFFLINE, missing, offline),
        (MachineState.MISSING, None, missing),
    )
    return sum(
        Machine.objects.seen_between(earliest, latest).exclude(state=state).update(state=state, state_since=now)
        for state, earliest, latest in ranges
    )


def mark_seen(machine: Machine, *, now: datetime, **more: object) -> bool:
    """One guarded update: time never goes back, and a retired machine stays retired. False when it did not apply."""
    rows = Machine.objects.filter(pk=machine.pk).exclude(state=MachineState.RETIRED).exclude(last_seen_at__gt=now)
    since = Case(When(state=MachineState.ONLINE, then=F("state_since")), default=Value(now))
    return bool(rows.update(last_seen_at=now, state=MachineState.ONLINE, state_since=since, **more))
