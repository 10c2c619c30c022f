"""What is known of machines' health: one row each, the changes of state, and who looked when.

Heartbeats are never rows. The times here are the portal's; what agents say of the time does not count.
"""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from machines.health.choices import MachineState, PollFailure, PollSource, QuarantineReason
from portal.common.sealing import SealBroken, unseal

INTERVAL_S = 60


class Health(models.Model):
    """A narrow row beside the machine's wide one, because it is written with every heartbeat."""

    machine = models.OneToOneField(
        "machines.Machine", primary_key=True, on_delete=models.CASCADE, related_name="health"
    )
    seen_at = models.DateTimeField(null=True)
    # When the state changes if nothing more is heard. The evaluator reads only rows that are due.
    due_at = models.DateTimeField(null=True, db_index=True)
    # What the agent was told: silence is measured in it.
    interval_s = models.FloatField(default=INTERVAL_S)
    # Accepted messages, and what people decided. Every write of a message carries the number that it read, so none of
    # them gets lost.
    messages = models.PositiveBigIntegerField(default=0)
    # Messages since the machine was last taken for gone, up to two: one alone is not yet a return.
    arrivals = models.PositiveSmallIntegerField(default=2)
    slept_at = models.DateTimeField(null=True)
    # The agent's starts, newest first: `machines.health.boots`.
    boots = models.JSONField(default=list)
    # The `state` part of the newest report or heartbeat (memory pressure, power).
    situation = models.JSONField(null=True)
    # Reports in a row that told of a broken runtime (positive) or of none (negative), up to two.
    trouble = models.SmallIntegerField(default=0)
    is_degraded = models.BooleanField(default=False)
    quarantine = models.CharField(max_length=10, choices=QuarantineReason, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(quarantine__in=["", *QuarantineReason.values]), name="health_quarantine_known"
            ),
        ]

    def __str__(self) -> str:
        return f"health of {self.machine_id}"


class StateChange(models.Model):
    """One transition. The state of a machine at any time is the `after` of the newest row before it."""

    machine = models.ForeignKey("machines.Machine", on_delete=models.CASCADE, related_name="state_changes")
    at = models.DateTimeField(db_index=True)
    before = models.CharField(max_length=12, choices=MachineState)
    after = models.CharField(max_length=12, choices=MachineState)

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [models.Index(fields=["machine", "-at"], name="state_change_by_machine")]

    def __str__(self) -> str:
        return f"{self.machine_id}: {self.before} to {self.after}"


class Watch(models.Model):
    """One row: since when the portal has been able to hear its machines, and when it last evaluated them."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    listening_since = models.DateTimeField(null=True)
    listened_at = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="watch_is_one_row")]

    def __str__(self) -> str:
        return "watch"


class FleetSample(models.Model):
    """How many machines were in which state, every ten minutes: the sparkline of the overview."""

    at = models.DateTimeField(primary_key=True)
    counts = models.JSONField()

    class Meta:
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return self.at.isoformat()


class PollTarget(models.Model):
    """Where the portal looks for itself: an agent's health endpoint, or a runtime that its machine exposes."""

    AGENT = "agent"

    machine = models.ForeignKey("machines.Machine", on_delete=models.CASCADE, related_name="poll_targets")
    # `agent`, or the kind of runtime: it names the fixed path that is asked for.
    kind = models.CharField(max_length=20)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    sealed_token = models.TextField(blank=True, default="", editable=False)
    due_at = models.DateTimeField(db_index=True)
    # Who polls it right now. A worker that dies leaves a claim that ends by itself.
    claim = models.CharField(max_length=32, blank=True, default="")
    claimed_until = models.DateTimeField(null=True)

    polled_at = models.DateTimeField(null=True)
    # Polls in a row that failed or succeeded: `is_reachable` follows them with hysteresis.
    failures = models.PositiveSmallIntegerField(default=0)
    successes = models.PositiveSmallIntegerField(default=0)
    is_reachable = models.BooleanField(null=True)
    failure = models.CharField(max_length=20, choices=PollFailure, blank=True, default="")
    latency_ms = models.FloatField(null=True)
    # What was read of the newest good answer.
    view = models.JSONField(null=True)

    class Meta:
        ordering: ClassVar = ["kind", "port", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint("machine", "kind", "host", "port", name="poll_target_once_per_machine"),
            models.CheckConstraint(condition=Q(port__gte=1, port__lte=65535), name="poll_target_port_is_one"),
            models.CheckConstraint(
                condition=Q(claim="", claimed_until__isnull=True) | (~Q(claim="") & Q(claimed_until__isnull=False)),
                name="poll_target_claim_whole_or_absent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.machine_id}"

    @property
    def token(self) -> str | None:
        """What its agent wants to be asked with. None: sealed under a pepper that is gone, until the next report."""
        try:
            return unseal(self.sealed_token) if self.sealed_token else ""
        except SealBroken:
            return None

    @property
    def subject(self) -> str:
        """Under which name availability counts it."""
        return self.AGENT if self.kind == self.AGENT else f"{self.kind}:{self.port}"

    def is_fresh(self, now: datetime, *, within_s: float) -> bool:
        return self.polled_at is not None and (now - self.polled_at).total_seconds() <= within_s


class Availability(models.Model):
    """One day of one thing on one machine, counted: never a row per poll."""

    machine = models.ForeignKey("machines.Machine", on_delete=models.CASCADE, related_name="availability")
    source = models.CharField(max_length=6, choices=PollSource)
    # `agent`, or a runtime by kind and port.
    subject = models.CharField(max_length=40)
    day = models.DateField(db_index=True)
    looks = models.PositiveIntegerField(default=0)
    good = models.PositiveIntegerField(default=0)
    latency_total_ms = models.FloatField(default=0)
    latency_max_ms = models.FloatField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("machine", "source", "subject", "day", name="availability_once_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} of {self.machine_id} on {self.day}"
