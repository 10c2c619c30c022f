"""Which rows are deleted when. Audit entries and policy revisions are not here: they are kept for ever."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from machines.health.availability import DAYS_KEPT
from machines.health.models import Availability, StateChange
from machines.models import Enrolment, JoinKey
from portal.accounts.models import ApiToken, Invitation
from portal.incidents.models import Incident
from portal.notices.models import Delivery, Notice
from routing.models import Decision, Receipt, SessionFloor

# Thirteen months: the same month of the year before can be compared.
CHANGES_KEPT_DAYS = 396
# A batch is one short transaction: on SQLite all other writers wait for it.
BATCH_ROWS = 500
# What is left over after so many batches is the next hour's.
BATCHES = 200


def forget_old_rows(*, now: datetime) -> dict[str, int]:
    """How many rows of each kind were deleted. Doing it twice, or stopping in the middle, does no harm."""

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    return {
        "receipts": delete_in_batches(old_receipts(before(settings.RECEIPTS_KEEP_DAYS))),
        "decisions": delete_in_batches(old_decisions(before(settings.DECISIONS_KEEP_DAYS)), first=_delete_receipts),
        "enrolments": delete_in_batches(Enrolment.objects.filter(expires_at__lt=before(settings.ENROLMENTS_KEEP_DAYS))),
        "tokens": delete_in_batches(old_tokens(before(settings.TOKENS_KEEP_DAYS)), first=_delete_join_keys),
        "invitations": delete_in_batches(Invitation.objects.filter(expires_at__lt=before(settings.TOKENS_KEEP_DAYS))),
        "notices": delete_in_batches(old_notices(before(settings.NOTICES_KEEP_DAYS))),
        "incidents": delete_in_batches(Incident.objects.filter(closed_at__lt=before(settings.NOTICES_KEEP_DAYS))),
        "state_changes": delete_in_batches(StateChange.objects.filter(at__lt=before(CHANGES_KEPT_DAYS))),
        "availability": delete_in_batches(Availability.objects.filter(day__lt=before(DAYS_KEPT))),
        "session_floors": delete_in_batches(
            SessionFloor.objects.filter(asked_at__lt=before(settings.DECISIONS_KEEP_DAYS))
        ),
        "sessions": delete_in_batches(Session.objects.filter(expire_date__lt=now)),
    }


def old_receipts(before: datetime) -> QuerySet[Receipt]:
    """By the portal's clock: a Mac's clock that runs behind must not delete what has just come."""
    return Receipt.objects.filter(received_at__lt=before)


def old_decisions(before: datetime) -> QuerySet[Decision]:
    """A decision that came late, with a receipt of its Mac, is as old as the receipt."""
    recent = Receipt.objects.filter(decision=OuterRef("pk"), received_at__gte=before)
    return Decision.objects.filter(~Exists(recent), at__lt=before)


def old_tokens(before: datetime) -> QuerySet[ApiToken]:
    """A machine's token stays with the machine: it says which one enrolled."""
    return ApiToken.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before), machine=None)


def old_notices(before: datetime) -> QuerySet[Notice]:
    """What still waits, for the end of a long snooze, is not deleted."""
    waiting = Delivery.objects.filter(notice=OuterRef("pk"), state=Delivery.State.WAITING)
    return Notice.objects.filter(~Exists(waiting), at__lt=before)


def delete_in_batches[Row: Model](rows: QuerySet[Row], *, first: Callable[[QuerySet[Row]], Any] | None = None) -> int:
    """By ranges of ids, oldest first; `first` deletes what points to the batch. Returns how many rows were deleted."""
    deleted = 0
    for _ in range(BATCHES):
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH_ROWS])
        if not ids:
            break
        with transaction.atomic():
            batch = rows.filter(pk__gte=ids[0], pk__lte=ids[-1])
            if first is not None:
                first(batch)
            deleted += batch.delete()[1].get(rows.model._meta.label, 0)
    return deleted


def _delete_receipts(decisions: QuerySet[Decision]) -> None:
    Receipt.objects.filter(decision__in=decisions.order_by().values("pk")).delete()


def _delete_join_keys(tokens: QuerySet[ApiToken]) -> None:
    JoinKey.objects.filter(token__in=tokens.values("pk")).delete()
