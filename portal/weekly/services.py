"""The weekly summary: what was decided, refused and kept off the cloud, and which Macs nobody has seen.

Each person is told of what they may see. A week is summed up once, however often and however late this is asked for.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Count, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from machines.models import Machine
from machines.queries import list_all_machines, list_visible_machines
from portal.accounts.models import User
from portal.common.policy_head import get_zone
from portal.notices.models import Notice
from portal.notices.services import notify, notify_team
from routing.models import Decision

KIND = "summary.weekly"
# Monday, when people are there to read it.
TOLD_AT = time(8)
STALE_AFTER = timedelta(days=7)
# No model takes more. Macs tell the number for what they decided themselves; a sum of wild ones fits into no column.
MOST_TOKENS = 100_000_000


@dataclass(frozen=True)
class Week:
    """From Monday to Monday, by the clock on the organisation's wall."""

    starts: datetime
    ends: datetime

    @property
    def label(self) -> str:
        year, number, _day = self.starts.isocalendar()
        return f"{year}-W{number:02}"


@dataclass(frozen=True)
class Summary:
    """Named as the notice's words want it; `stale` are names of Macs."""

    decisions: int
    local: int
    cloud: int
    refused: int
    saved_tokens: str
    # Its code, or a dash when nothing was refused.
    top_refusal: str
    top_refusals: int
    stale: list[str]

    @property
    def is_worth_telling(self) -> bool:
        return bool(self.decisions or self.stale)


@transaction.atomic
def tell_of_last_week(*, now: datetime) -> int:
    """All people or none. Returns how many were told; 0 before Monday morning, and when it was done before."""
    zone = get_zone()
    week = last_week(now, zone=zone)
    is_early = now < datetime.combine(week.ends.date(), TOLD_AT, tzinfo=zone)
    if is_early or Notice.objects.filter(key__startswith=f"weekly:{week.label}:").exists():
        return 0
    _tell_team(week, now=now)
    people = User.objects.filter(is_active=True).order_by("pk")
    return sum(_tell(person, week, now=now) for person in people)


def last_week(now: datetime, *, zone: tzinfo) -> Week:
    """The newest week that is over."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    before = monday - timedelta(days=7)
    return Week(datetime.combine(before, time(), tzinfo=zone), datetime.combine(monday, time(), tzinfo=zone))


def sum_up(log: QuerySet[Decision], machines: QuerySet[Machine], week: Week, *, now: datetime) -> Summary:
    """Of these decisions and machines. Five queries."""
    decisions = log.filter(at__gte=week.starts, at__lt=week.ends).order_by()
    by_backend = dict(decisions.values_list("backend").annotate(count=Count("pk")))
    top_refusal, top_refusals = _top_refusal(decisions.filter(backend="none"))
    stale = machines.exclude(state="retired").filter(health__seen_at__lt=now - STALE_AFTER)
    return Summary(
        decisions=sum(by_backend.values()),
        local=by_backend.get("local", 0),
        cloud=by_backend.get("cloud", 0),
        refused=by_backend.get("none", 0),
        saved_tokens=f"{_count_tokens(decisions.filter(backend='local')):,}",
        top_refusal=top_refusal,
        top_refusals=top_refusals,
        stale=list(stale.order_by("name").values_list("name", flat=True)),
    )


def _tell(person: User, week: Week, *, now: datetime) -> bool:
    summary = sum_up(Decision.objects.visible_to(person), list_visible_machines(person), week, now=now)
    if not summary.is_worth_telling:
        return False
    key = f"weekly:{week.label}:{person.public_id}"
    notify(kind=KIND, key=key, subject=person.public_id, data=_data(summary, week), to=[person])
    return True


def _tell_team(week: Week, *, now: datetime) -> None:
    """Webhooks of the team get the whole."""
    summary = sum_up(Decision.objects.all(), list_all_machines(), week, now=now)
    if summary.is_worth_telling:
        notify_team(kind=KIND, key=f"weekly:{week.label}:team", subject=week.label, data=_data(summary, week))


def _data(summary: Summary, week: Week) -> dict[str, Any]:
    last_day = week.ends - timedelta(days=1)
    return {**asdict(summary), "first_day": f"{week.starts:%Y-%m-%d}", "last_day": f"{last_day:%Y-%m-%d}"}


def _count_tokens(decisions: QuerySet[Decision]) -> int:
    """What the clients would have sent at least: one prompt with its context each."""
    told = decisions.annotate(tokens=Cast(KT("answer__context__total_tokens"), BigIntegerField()))
    return told.filter(tokens__lte=MOST_TOKENS).aggregate(sum=Sum("tokens"))["sum"] or 0


def _top_refusal(decisions: QuerySet[Decision]) -> tuple[str, int]:
    counted = decisions.values(code=KT("answer__refusal__code")).annotate(count=Count("pk"))
    top = counted.order_by("-count", "code").first()
    return (top["code"], top["count"]) if top else ("–", 0)
