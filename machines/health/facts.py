"""From rows to the facts that states are judged by."""

from datetime import datetime, timedelta

from machines.health.choices import MachineState
from machines.health.models import Health, PollTarget, Watch
from machines.health.states import HealthFacts

# The web processes say every 15 s that they listen; three missed signs are a gap.
DEAF_AFTER = timedelta(seconds=45)
# Older views of the poller say nothing of now.
POLL_FRESH_S = 300.0


def read_watch() -> Watch | None:
    return Watch.objects.filter(pk=1).first()


def facts_of(health: Health, *, watch: Watch | None, now: datetime) -> HealthFacts:
    """`health.machine` is read; its poll targets only where they were fetched with it."""
    return HealthFacts(
        state=MachineState(health.machine.state),
        seen_at=health.seen_at,
        interval_s=health.interval_s,
        arrivals=health.arrivals,
        slept_at=health.slept_at,
        is_degraded=health.is_degraded,
        reachable=find_reachable(health, now=now),
        is_quarantined=bool(health.quarantine),
        listening_since=watch.listening_since if watch else None,
    )


def find_reachable(health: Health, *, now: datetime) -> bool | None:
    """The poller's fresh view of the agent; None when it does not look."""
    fetched = getattr(health.machine, "_prefetched_objects_cache", {}).get("poll_targets", ())
    return next(
        (
            target.is_reachable
            for target in fetched
            if target.kind == PollTarget.AGENT and target.is_fresh(now, within_s=POLL_FRESH_S)
        ),
        None,
    )
