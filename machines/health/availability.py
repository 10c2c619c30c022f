"""Availability in days, counted: how often one looked, how often it was good, and how long that took."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Sum

from machines.health.choices import PollSource
from machines.health.models import Availability
from machines.models import Machine
from routing.engine.facts import Report, RuntimeState

DAYS_KEPT = 90
DAYS_SHOWN = 30
# A Mac that names other runtimes with each report counts no more that day: rows are kept for months.
SUBJECTS_A_DAY = 50


@dataclass(frozen=True, slots=True)
class Observation:
    machine: int
    subject: str
    is_good: bool
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Over `DAYS_SHOWN` days. `good_percent` is of the times that somebody looked."""

    source: str
    subject: str
    looks: int
    good_percent: float
    mean_ms: float | None
    max_ms: float | None


@dataclass
class _Sum:
    looks: int = 0
    good: int = 0
    total_ms: float = 0.0
    max_ms: float = 0.0


@transaction.atomic
def count(observations: Iterable[Observation], *, source: PollSource, now: datetime) -> None:
    """One statement, whatever the number: rows of the day grow, and no row is added per look."""
    sums: dict[tuple[int, str], _Sum] = defaultdict(_Sum)
    for one in observations:
        total = sums[one.machine, one.subject]
        total.looks += 1
        total.good += one.is_good
        if one.is_good and one.latency_ms is not None:
            total.total_ms += one.latency_ms
            total.max_ms = max(total.max_ms, one.latency_ms)
    if sums:
        _grow([(key, total) for key, total in sorted(sums.items())], source=source, day=now.date())


def _grow(sums: Sequence[tuple[tuple[int, str], _Sum]], *, source: PollSource, day: date) -> None:
    """Both databases know `ON CONFLICT`; Django's own upsert can only overwrite."""
    table = Availability._meta.db_table
    greatest = "GREATEST" if connection.vendor == "postgresql" else "MAX"
    row = "(%s, %s, %s, %s, %s, %s, %s, %s)"
    values: list[Any] = []
    for (machine, subject), total in sums:
        values += [machine, str(source), subject, day, total.looks, total.good, total.total_ms, total.max_ms]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} "  # noqa: S608 - our own table and placeholders
            "(machine_id, source, subject, day, looks, good, latency_total_ms, latency_max_ms) "
            f"VALUES {', '.join([row] * len(sums))} "
            "ON CONFLICT (machine_id, source, subject, day) DO UPDATE SET "
            f"looks = {table}.looks + excluded.looks, good = {table}.good + excluded.good, "
            f"latency_total_ms = {table}.latency_total_ms + excluded.latency_total_ms, "
            f"latency_max_ms = {greatest}({table}.latency_max_ms, excluded.latency_max_ms)",
            values,
        )


def count_report(machine: Machine, report: Report, *, now: datetime) -> None:
    """What a machine says of its own runtimes; one that is down on purpose is not unavailable, but not up either."""
    observations = [
        Observation(machine.pk, subject_of(str(runtime.kind), runtime.base_url), runtime.state is RuntimeState.UP)
        for runtime in report.runtimes
    ]
    today = Availability.objects.filter(machine=machine, source=PollSource.REPORT, day=now.date())
    if today.count() < SUBJECTS_A_DAY:
        count(observations, source=PollSource.REPORT, now=now)


def subject_of(kind: str, base_url: str) -> str:
    return f"{kind}:{base_url.rstrip('/').rpartition(':')[2][:12]}"


def list_shares(machine: Machine, *, now: datetime) -> list[Share]:
    rows = Availability.objects.filter(machine=machine, day__gt=now.date() - timedelta(days=DAYS_SHOWN))
    sums = rows.order_by("source", "subject").values("source", "subject")
    return [
        Share(
            source=str(PollSource(one["source"]).label),
            subject=one["subject"],
            looks=one["all"],
            good_percent=100 * one["good"] / one["all"],
            mean_ms=one["ms"] / one["good"] if one["ms"] and one["good"] else None,
            max_ms=one["max_ms"] or None,
        )
        for one in sums.annotate(
            all=Sum("looks"), good=Sum("good"), ms=Sum("latency_total_ms"), max_ms=Max("latency_max_ms")
        )
    ]
