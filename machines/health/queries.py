"""What pages show of health: the fleet at a glance, one machine's last days, and what the portal itself is up to."""

from collections.abc import Sequence
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
CHANGES_SHOWN = 12
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
    changes: Sequence[StateChange]
    segments: Sequence[Segment]
    targets: Sequence[PollTarget]
    shares: Sequence[Share]


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
    if watch is None or watch.evaluated_at is None:
        return None
    age = now - watch.evaluated_at
    return int(age.total_seconds()) if age > STOPPED_AFTER else None


def count_tasks() -> int | None:
    """Messages that wait in all queues: lists in Valkey, or files in the folder of embedded mode."""
    if settings.REDIS_URL:
        return buffer.count_lists([queue.name for queue in settings.CELERY_TASK_QUEUES])
    folder: Any = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_in")
    return sum(1 for path in Path(folder).glob("*.msg")) if folder and Path(folder).is_dir() else None


def get_health(machine: Machine, *, now: datetime) -> MachineHealth:
    changes = list(StateChange.objects.filter(machine=machine, at__gt=now - TIMELINE_SPAN).order_by("at", "pk"))
    return MachineHealth(
        changes=list(reversed(changes))[:CHANGES_SHOWN],
        segments=_segments(machine, changes, now=now),
        targets=list(machine.poll_targets.all()),
        shares=list_shares(machine, now=now),
    )


def _segments(machine: Machine, changes: Sequence[StateChange], *, now: datetime) -> list[Segment]:
    """From the start of the timeline, or from when the machine enrolled, until now."""
    start = now - TIMELINE_SPAN
    first = changes[0].before if changes else machine.state
    known = [(max(start, machine.created_at), first), *((change.at, change.after) for change in changes)]
    ends = [*known, (now, "")]
    return [
        Segment(MachineState(state), 100 * ((at - start) / TIMELINE_SPAN), 100 * ((until - at) / TIMELINE_SPAN))
        for (at, state), (until, _) in pairwise(ends)
        if until > at
    ]
