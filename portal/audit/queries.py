"""Reading the audit log. Who may is the caller's business: it names everybody."""

from dataclasses import dataclass
from datetime import datetime

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
