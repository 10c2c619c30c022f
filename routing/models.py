"""Policy revisions and the decision log. Revisions never change; log rows never hold a prompt or a secret."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import connections, models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from machines.models import Machine
from portal.accounts.models import User
from portal.common import clock
from portal.common.ids import new_uuid7
from routing.draft_models import PolicyDraft
from routing.inbox_models import PolicyRequest
from routing.log_filter import Cursor, LogFilter
from routing.session_floor_models import SessionFloor

__all__ = [
    "Decision",
    "DecisionQuerySet",
    "FrozenRevisionError",
    "PolicyDraft",
    "PolicyRequest",
    "PolicyRevision",
    "Receipt",
    "SessionFloor",
]


class FrozenRevisionError(TypeError):
    """Somebody tried to change or delete a published revision."""

    def __init__(self) -> None:
        super().__init__("A published revision never changes; publish a new one instead.")


class PolicyRevisionQuerySet(models.QuerySet["PolicyRevision"]):
    def update(self, **_changes: Any) -> NoReturn:
        raise FrozenRevisionError

    def delete(self) -> NoReturn:
        raise FrozenRevisionError

    def bulk_update(self, *_args: Any, **_options: Any) -> NoReturn:
        raise FrozenRevisionError


class PolicyRevision(models.Model):
    """A numbered, immutable state of the whole policy."""

    number = models.PositiveIntegerField(unique=True)
    epoch = models.PositiveIntegerField()
    # Canonical JSON, byte for byte what `digest` was taken over; a JSONField would not keep the bytes.
    document = models.TextField()
    digest = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=120)
    at = models.DateTimeField()
    note = models.CharField(max_length=500, default="", blank=True)

    objects = PolicyRevisionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-number"]

    def __str__(self) -> str:
        return f"r{self.number}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise FrozenRevisionError
        super().save(*args, **options)

    def delete(self, *_args: Any, **_options: Any) -> NoReturn:
        raise FrozenRevisionError

    @property
    def public_id(self) -> str:
        return f"r{self.number}"

    @property
    def parsed(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.document)
        return document


class DecisionQuerySet(models.QuerySet["Decision"]):
    def visible_to(self, user: User) -> "DecisionQuerySet":
        """All for those who read all; otherwise what one's own Macs asked and what one asked in the portal.

        One query for the latter on PostgreSQL, for the person's Macs.
        """
        if user.can_read_all:
            return self
        return self.filter(_is_of_machines_of(user, self.db) | models.Q(asked_by=user))

    def matching(self, wanted: LogFilter) -> "DecisionQuerySet":
        """Everything that is asked for at once."""
        exact = {
            "backend": wanted.backend,
            "task": wanted.task,
            "machine__public_id": wanted.machine,
            "classification": wanted.classification,
            "remotes__icontains": wanted.remote,
            "at__gte": wanted.since,
            "at__lt": wanted.until,
        }
        rows = self.filter(**{key: value for key, value in exact.items() if value})
        if wanted.rule:
            rows = rows.resting_on(wanted.rule)
        if wanted.first_day:
            rows = rows.filter(at__gte=_midnight(wanted.first_day))
        if wanted.last_day:
            rows = rows.filter(at__lt=_midnight(wanted.last_day + timedelta(days=1)))
        return rows

    def resting_on(self, rule: str) -> "DecisionQuerySet":
        """What the privacy rule or the exception applied to. Reads that column of each row, which holds short texts."""
        # Codes have small letters, but SQLite would find them by large ones too.
        return self.filter(rules__contains=f"\n{rule}\n") if rule == rule.lower() else self.none()

    def older_than(self, cursor: Cursor) -> "DecisionQuerySet":
        """Newest first. The first condition says nothing new, but it is the one that the index serves."""
        before = models.Q(at__lt=cursor.at) | models.Q(at=cursor.at, id__lt=cursor.id)
        return self.filter(before, at__lte=cursor.at)

    def newer_than(self, cursor: Cursor) -> "DecisionQuerySet":
        """Oldest first: the nearest to the cursor come first."""
        after = models.Q(at__gt=cursor.at) | models.Q(at=cursor.at, id__gt=cursor.id)
        return self.filter(after, at__gte=cursor.at).order_by("at", "id")


def _is_of_machines_of(user: User, database: str) -> models.Q:
    """PostgreSQL gets numbers: across a join no index serves it, and who asked little had the whole log read.

    SQLite would take the index always, and read all that a person ever asked for each page of the newest.
    """
    if connections[database].vendor == "postgresql":
        return models.Q(machine__in=list(user.machines.values_list("pk", flat=True)))
    return models.Q(machine__owner=user)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class Decision(models.Model):
    """One answered request, made here or by an agent from the bundle."""

    class DecidedBy(models.TextChoices):
        PORTAL = "portal", _("Portal")
        AGENT = "agent", _("Agent")

    class Recheck(models.TextChoices):
        """What came of deciding an agent's decision again here."""

        NOT_NEEDED = "", _("Decided here")
        SAME = "same", _("Same answer")
        MISMATCH = "mismatch", _("Different answer")
        NOT_POSSIBLE = "not_possible", _("Revision unknown here")

    # Time-ordered, and made by the agent when it decides offline.
    id = models.UUIDField(primary_key=True, default=new_uuid7, editable=False)
    at = models.DateTimeField(db_index=True)
    decided_by = models.CharField(max_length=10, choices=DecidedBy)
    # PROTECT: the log is evidence. A machine that has decided something is retired, not deleted.
    machine = models.ForeignKey(Machine, null=True, on_delete=models.PROTECT, related_name="decisions")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    # The public half of the token that asked; empty when a signed-in person did.
    token_id = models.CharField(max_length=24, default="", blank=True)
    task = models.CharField(max_length=64, db_index=True)
    backend = models.CharField(max_length=10, db_index=True)
    effect = models.CharField(max_length=20)
    classification = models.CharField(max_length=20)
    # A number, not a key: an agent may name a revision that a restored database no longer has.
    revision = models.PositiveIntegerField()
    request = models.JSONField()
    # The remotes of the request, one a line: what people filter by and group by without reading every request.
    remotes = models.TextField(default="", blank=True)
    # Codes of the rules and exceptions that applied, one a line, with a line's end at either side.
    rules = models.TextField(default="", db_default="", blank=True)
    answer = models.JSONField()
    recheck = models.CharField(max_length=20, choices=Recheck, default=Recheck.NOT_NEEDED, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        # The chart counts answers over months: from this alone, without the rows.
        indexes: ClassVar = [models.Index(fields=["at", "backend"], name="decision_at_and_backend")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def public_id(self) -> str:
        return str(self.id)

    @property
    def cursor(self) -> Cursor:
        return Cursor(at=self.at, id=self.id)

    @property
    def has_mismatch(self) -> bool:
        """Some launch was not what was decided. Reads the receipts."""
        return any(receipt.is_mismatch for receipt in self.receipts.all())

    @property
    def remote_list(self) -> list[str]:
        return self.remotes.split("\n") if self.remotes else []


class Receipt(models.Model):
    """What a launcher says it really did with a decision."""

    class Kind(models.TextChoices):
        START = "start", _("Started")
        ALIVE = "alive", _("Still running")
        END = "end", _("Ended")
        DIRECT = "direct", _("Started without Kirikae")
        BLOCKED = "blocked", _("Stopped by the guard")

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="receipts")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField()
    received_at = models.DateTimeField(default=clock.now)
    # client, version, backend, model, base_url_class, profile, args_refused: names only, never values.
    launched = models.JSONField(null=True)
    exit_code = models.IntegerField(null=True)
    preflight = models.JSONField(default=list)
    guard = models.CharField(max_length=10, default="", blank=True)
    is_mismatch = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["decision", "kind"], name="one_receipt_per_decision_and_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.decision_id}"
