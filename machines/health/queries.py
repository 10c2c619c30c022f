"""What pages show of health: the fleet at a glance, one machine's last days, and what the portal itself is up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count

from machines.health import buffer
from machines.health.availability import Share, list_shares
from machines.health.choices import MachineState
from machines.health.facts import read_watch
from machines.health.models import FleetSample, PollTarget, StateChange, Watch
from machines.models import Machine, MachineQuerySet

# Six missed rounds of the evaluator: a machine that is busy starting misses some.
STOPPED_AFTER = timedelta(seconds=60)
SPARK_SPAN = timedelta(hours=24)
SPARK_SIZE = (98, 24)
TIMELINE_SPAN = timedelta(days=7)
AVAILABILITY_SPAN = timedelta(days=30)
CHANGES_SHOWN = 12
# A Mac whose owner means harm may change its state every ten seconds: then the page shows less of its past.
CHANGES_READ = 1_000
AWAY = (MachineState.OFFLINE, MachineState.MISSING)
THERE = (MachineState.ONLINE, MachineState.DEGRADED, MachineState.LATE)


@dataclass(frozen=True)
class StateCount:
    state: MachineState
    count: int


@dataclass(frozen=True)
class Spark:
    """Points of a polyline in a box of 98 by 24, and what they mean in numbers."""

    points: str
    lowest: int
    highest: int
    last: int


@dataclass(frozen=True)
class Fleet:
    counts: Sequence[StateCount]
    there: int
    total: int
    spark: Spark | None


@dataclass(frozen=True)
class Workings:
    """How the portal's own part goes. `stopped_s`: since when nothing was evaluated; None: all is well.

    `heartbeats`: how many wait in Valkey, `tasks`: how many in the queues; None: nobody knows.
    """

    stopped_s: int | None
    heartbeats: int | None
    tasks: int | None


@dataclass(frozen=True)
class Segment:
    """A stretch in one state; where it begins and how wide it is, in per cent of the timeline."""

    state: MachineState
    start: float
    width: float


@dataclass(frozen=True)
class MachineHealth:
    """`there_percent`: of the time in which it was expected, so without sleep and quarantine. None: there was none."""

    changes: Sequence[StateChange]
    segments: Sequence[Segment]
    targets: Sequence[PollTarget]
    shares: Sequence[Share]
    there_percent: float | None


def count_by_state(machines: MachineQuerySet) -> Sequence[StateCount]:
    """In the order in which states are declared; those of no machine are left out."""
    counts = dict(machines.order_by().values_list("state").annotate(count=Count("pk")))
    return [StateCount(state, counts[state]) for state in MachineState if counts.get(state)]


def get_fleet(machines: MachineQuerySet, *, with_history: bool, now: datetime) -> Fleet:
    counts = count_by_state(machines)
    in_use = [one for one in counts if one.state is not MachineState.RETIRED]
    return Fleet(
        counts=counts,
        there=sum(one.count for one in in_use if one.state in THERE),
        total=sum(one.count for one in in_use),
        spark=_find_spark(now) if with_history else None,
    )


def _find_spark(now: datetime) -> Spark | None:
    """How many were there, over a day. None with fewer than two samples: a line needs two points."""
    samples = list(FleetSample.objects.filter(at__gt=now - SPARK_SPAN).order_by("at"))
    if len(samples) < 2:
        return None
    there = [sum(count for state, count in sample.counts.items() if state in THERE) for sample in samples]
    width, height = SPARK_SIZE
    lowest, span = min(there), max(max(there) - min(there), 1)
    began, length = samples[0].at, samples[-1].at - samples[0].at
    places = (
        (2 + (width - 4) * ((sample.at - began) / length), height - 4 - (height - 8) * (count - lowest) / span)
        for sample, count in zip(samples, there, strict=True)
    )
    points = [f"{x:.1f},{y:.1f}" for x, y in places]
    return Spark(points=" ".join(points), lowest=lowest, highest=max(there), last=there[-1])


def get_workings(*, now: datetime) -> Workings:
    return Workings(stopped_s=_stopped_for(read_watch(), now), heartbeats=buffer.count_waiting(), tasks=count_tasks())


def _stopped_for(watch: Watch | None, now: datetime) -> int | None:
    """A portal whose worker never came has been without one since it began to listen."""
    since = (watch.evaluated_at or watch.listening_since) if watch else None
    if since is None:
        return None
    age = now - since
    return int(age.total_seconds()) if age > STOPPED_AFTER else None


def count_tasks() -> int | None:
    """Messages that wait in all queues: lists in Valkey, or files in the folder of embedded mode."""
    if settings.REDIS_URL:
        return buffer.count_lists([queue.name for queue in settings.CELERY_TASK_QUEUES])
    folder: Any = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_in")
    return sum(1 for path in Path(folder).glob("*.msg")) if folder and Path(folder).is_dir() else None


def get_health(machine: Machine, *, now: datetime) -> MachineHealth:
    newest = StateChange.objects.filter(machine=machine, at__gt=now - AVAILABILITY_SPAN)[:CHANGES_READ]
    changes = list(reversed(newest))
    shown = [change for change in changes if change.at > now - TIMELINE_SPAN]
    return MachineHealth(
        changes=list(reversed(shown))[:CHANGES_SHOWN],
        segments=_segments(machine, shown, span=TIMELINE_SPAN, now=now),
        targets=list(machine.poll_targets.all()),
        shares=list_shares(machine, now=now),
        there_percent=_percent_there(_segments(machine, changes, span=AVAILABILITY_SPAN, now=now)),
    )


def _percent_there(segments: Iterable[Segment]) -> float | None:
    there = sum(segment.width for segment in segments if segment.state in THERE)
    away = sum(segment.width for segment in segments if segment.state in AWAY)
    return 100 * there / (there + away) if there + away else None


def _segments(machine: Machine, changes: Sequence[StateChange], *, span: timedelta, now: datetime) -> list[Segment]:
    """From the start of the span, from when the machine enrolled or from what was read of its past, until now."""
    start = now - span
    first = changes[0].before if changes else machine.state
    begins = changes[0].at if len(changes) == CHANGES_READ else machine.created_at
    known = [(max(start, begins), first), *((change.at, change.after) for change in changes)]
    ends = [*known, (now, "")]
    return [
        Segment(MachineState(state), 100 * ((at - start) / span), 100 * ((until - at) / span))
        for (at, state), (until, _) in pairwise(ends)
        if until > at
    ]
