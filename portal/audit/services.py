"""Writing the audit log. Call `record` inside the transaction of the change that it tells of."""

from django.db import models

from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.common import clock

OPERATOR = "operator at the command line"
PORTAL = "portal"
# Of this column, and of `PolicyRevision.actor`.
ACTOR_LENGTH = 120


def record(
    *, by: User | None, action: str, subject: models.Model, data: dict[str, object] | None = None, actor: str = ""
) -> AuditEntry:
    """Append one entry. `by=None` needs `actor`: who acted when it was no signed-in person."""
    return AuditEntry.objects.create(
        at=clock.now(),
        by=by,
        actor=actor_of(by, actor),
        action=action,
        subject_kind=subject._meta.model_name or "",
        subject_id=str(getattr(subject, "public_id", subject.pk)),
        data=data or {},
    )


def actor_of(by: User | None, actor: str) -> str:
    """Whom to name. Addresses may be longer than the column, and `by` is the key to the person anyway."""
    return (actor or (by.email if by else PORTAL))[:ACTOR_LENGTH]
