"""Incidents: one event, and what it befell. Forty Macs behind one broken switch are one incident with forty parts."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.accounts.models import User
from portal.common.ids import new_public_id
from portal.incidents.kinds import IncidentKind


def new_incident_id() -> str:
    return new_public_id("i")


class IncidentQuerySet(models.QuerySet["Incident"]):
    def visible_to(self, person: User) -> "IncidentQuerySet":
        return self if person.can_read_all else self.filter(parts__owner=person).distinct()


class Incident(models.Model):
    public_id = models.CharField(max_length=24, unique=True, editable=False, default=new_incident_id)
    kind = models.CharField(max_length=16, choices=IncidentKind)
    opened_at = models.DateTimeField(db_index=True)
    # When the newest part began.
    latest_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, db_index=True)
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)

    objects: ClassVar = IncidentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-opened_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=IncidentKind.values), name="incident_kind_known"),
            models.CheckConstraint(
                condition=Q(acknowledged_by__isnull=True, acknowledged_at__isnull=True)
                | Q(acknowledged_by__isnull=False, acknowledged_at__isnull=False),
                name="incident_acknowledged_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def icon(self) -> str:
        icons = {"offline": "off", "degraded": "half", "flapping": "wave", "quarantined": "lock", "mismatch": "branch"}
        return icons.get(self.kind, "bell")


class Part(models.Model):
    """What the incident did to one thing, usually a Mac. `told_at` and `end_told_at`: when notices were written."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="parts")
    kind = models.CharField(max_length=16, choices=IncidentKind)
    # Public id and name of the thing at that time.
    subject = models.CharField(max_length=80)
    label = models.CharField(max_length=120)
    # Path of its page; empty when it has none.
    page = models.CharField(max_length=200, blank=True, default="")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    # ISO times of this thing's begins and ends of this kind in the last half hour.
    changes = models.JSONField(default=list)
    tell_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    tell_end_at = models.DateTimeField(null=True)
    end_told_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["label", "pk"]
        indexes: ClassVar = [models.Index(fields=["kind", "subject", "-since"], name="part_by_subject")]
        constraints: ClassVar = [
            models.UniqueConstraint("kind", "subject", condition=Q(until=None), name="part_open_once_per_subject"),
            models.CheckConstraint(condition=Q(kind__in=IncidentKind.values), name="part_kind_known"),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=models.F("since")), name="part_ends_after_it_began"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.label}"


class Round(models.Model):
    """One row: when it was last looked what people have to be told. A gap makes nobody's silence an alarm."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="round_is_one_row")]

    def __str__(self) -> str:
        return self.at.isoformat()
