"""The log's chart: how many decisions had which answer in each hour of a day, or on each day of a longer time."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncDay, TruncHour
from django.utils import timezone

from portal.accounts.models import User
from routing.log_filter import LogFilter
from routing.models import Decision

# As far back as a log is kept unless somebody says otherwise.
MOST_DAYS = 90
DAYS_WITHOUT_A_BEGIN = 30
# Hours of a working day are shown even when nothing was asked in them.
FIRST_HOUR, LAST_HOUR = 9, 17
WIDTH, HEIGHT, BASE = 1120, 102, 78
TALLEST = 68
MOST_LABELS = 16
# From the axis up; the log's word for each and the chart's class.
STACK = (("local", "local"), ("cloud", "cloud"), ("none", "refused"))


@dataclass(frozen=True)
class Part:
    name: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One hour or day: its place in the picture, and its numbers for the table beside it."""

    label: str
    counts: Mapping[str, int]
    x: float
    width: float
    parts: Sequence[Part]
    has_label: bool

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Chart:
    bars: Sequence[Bar]
    first_day: date
    last_day: date
    is_by_hour: bool

    @property
    def busiest(self) -> Bar:
        return max(self.bars, key=lambda bar: bar.total)

    @property
    def totals(self) -> dict[str, int]:
        return {name: sum(bar.counts[name] for bar in self.bars) for _backend, name in STACK}

    @property
    def total(self) -> int:
        return sum(self.totals.values())


def get_chart(user: User, wanted: LogFilter, *, now: datetime) -> Chart:
    """Of what the person may see and asks for. Without days it is today. One query."""
    first, last = _span(wanted, today=timezone.localtime(now).date())
    is_by_hour = first == last
    rows = Decision.objects.visible_to(user).matching(replace(wanted, first_day=first, last_day=last)).order_by()
    slots = rows.annotate(slot=TruncHour("at") if is_by_hour else TruncDay("at")).values_list("slot", "backend")
    counts: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    # Not of the key, which the index does not hold.
    for slot, backend, count in slots.annotate(count=Count("*")):
        # Where clocks are put back, an hour stands for both of its kind.
        counts[slot.replace(tzinfo=None)][dict(STACK)[backend]] += count
    moments = _hours(first, counts) if is_by_hour else _days(first, last)
    return Chart(_bars(moments, counts, pattern="%H:00" if is_by_hour else "%m-%d"), first, last, is_by_hour)


def _span(wanted: LogFilter, *, today: date) -> tuple[date, date]:
    if not wanted.first_day and not wanted.last_day:
        return today, today
    last = min(wanted.last_day or today, max(today, wanted.first_day or today))
    first = wanted.first_day or last - timedelta(days=DAYS_WITHOUT_A_BEGIN)
    return max(min(first, last), last - timedelta(days=MOST_DAYS)), last


def _hours(day: date, found: Mapping[datetime, Any]) -> list[datetime]:
    hours = {FIRST_HOUR, LAST_HOUR, *(moment.hour for moment in found)}
    return [datetime.combine(day, time(hour)) for hour in range(min(hours), max(hours) + 1)]


def _days(first: date, last: date) -> list[datetime]:
    return [datetime.combine(first + timedelta(days=number), time()) for number in range((last - first).days + 1)]


def _bars(moments: Sequence[datetime], found: Mapping[datetime, Counter[str]], *, pattern: str) -> list[Bar]:
    highest = max((one.total() for one in found.values()), default=0) or 1
    step = WIDTH / len(moments)
    every = -(-len(moments) // MOST_LABELS)
    return [
        Bar(
            label=moment.strftime(pattern),
            counts={name: found.get(moment, Counter())[name] for _backend, name in STACK},
            x=round(place * step + step * 0.2, 1),
            width=round(min(step * 0.6, 52), 1),
            parts=_parts(found.get(moment, Counter()), scale=TALLEST / highest),
            has_label=place % every == 0,
        )
        for place, moment in enumerate(moments)
    ]


def _parts(counts: Counter[str], *, scale: float) -> list[Part]:
    parts, top = [], float(BASE)
    for _backend, name in STACK:
        if counts[name]:
            height = max(1.0, counts[name] * scale)
            top -= height
            parts.append(Part(name, y=round(top, 1), height=round(height, 1)))
    return parts
