"""Writing the audit log. Call `record` inside the transaction of the change that it tells of."""

from django.db import models

from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.common import clock

OPERATOR = "operator at the command line"
PORTAL = "portal"


def record(
    *, by: User | None, action: str, subject: models.Model, data: dict[str, object] | None = None, actor: str = ""
) -> AuditEntry:
    """Append one entry. `by=None` needs `actor`: who acted when it was no signed-in person."""
    return AuditEntry.objects.create(
        at=clock.now(),
        by=by,
        actor=actor or (by.email if by else PORTAL),
        action=action,
        subject_kind=subject._meta.model_name or "",
        subject_id=str(getattr(subject, "public_id", subject.pk)),
        data=data or {},
    )
