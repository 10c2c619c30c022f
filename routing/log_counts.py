"""Counts of the decision log: by answer since a moment, and of the work under NDA. Reading its rows: `queries`."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from portal.accounts.models import User
from routing.models import Decision, Receipt


@dataclass(frozen=True)
class AnswerCounts:
    """How many decisions had which answer; `own` of them were asked by the person or their Macs."""

    local: int = 0
    cloud: int = 0
    refused: int = 0
    own: int = 0

    @property
    def total(self) -> int:
        return self.local + self.cloud + self.refused

    @property
    def percents(self) -> dict[str, int]:
        """Whole per cent of each answer; nothing of no decision."""
        counts = {"local": self.local, "cloud": self.cloud, "refused": self.refused}
        return {name: round(100 * count / self.total) for name, count in counts.items()} if self.total else {}


@dataclass(frozen=True)
class ProtectedWork:
    """Decisions about projects under NDA, and what launchers said they did with them."""

    decisions: int
    to_cloud: int
    confirmed: int
    differing: int


def count_answers(user: User, *, since: datetime) -> AnswerCounts:
    """Of what the person may see. One query."""
    is_own = Q(machine__owner=user) | Q(asked_by=user)
    rows = Decision.objects.visible_to(user).filter(at__gte=since)
    # Not by groups: for those SQLite walks the index of answers, which is the whole log.
    found = rows.aggregate(
        local=Count("pk", filter=Q(backend="local")),
        cloud=Count("pk", filter=Q(backend="cloud")),
        refused=Count("pk", filter=Q(backend="none")),
        own=Count("pk", filter=is_own),
    )
    return AnswerCounts(**found)


def count_protected(*, since: datetime) -> ProtectedWork:
    """Of the whole team. Two queries."""
    decided = Decision.objects.filter(at__gte=since, classification="nda").aggregate(
        decisions=Count("pk"), to_cloud=Count("pk", filter=Q(backend="cloud"))
    )
    launches = Receipt.objects.filter(decision__at__gte=since, decision__classification="nda")
    launched = launches.filter(kind=Receipt.Kind.START).aggregate(
        confirmed=Count("pk", filter=Q(is_mismatch=False)), differing=Count("pk", filter=Q(is_mismatch=True))
    )
    return ProtectedWork(**decided, **launched)
