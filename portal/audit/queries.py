"""Reading the audit log. Who may is the caller's business: it names everybody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from portal.audit.models import AuditEntry


@dataclass(frozen=True)
class AuditFilter:
    """Empty and None mean "any". `since` is part of the time, `until` is not."""

    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_entries(wanted: AuditFilter) -> QuerySet[AuditEntry]:
    """Newest first. Everything that is asked for at once."""
    asked = {
        "action": wanted.action,
        "subject_id": wanted.subject,
        "at__gte": wanted.since,
        "at__lt": wanted.until,
    }
    return AuditEntry.objects.select_related("by").filter(**{key: value for key, value in asked.items() if value})


def data_of(action: str, *, subjects: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By subject what its newest entry of this action holds. One query."""
    entries = AuditEntry.objects.filter(action=action, subject_id__in=subjects).order_by("at", "id")
    return dict(entries.values_list("subject_id", "data"))
