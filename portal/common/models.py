"""State that several parts read and none of them owns."""

from typing import ClassVar

from django.db import models


class PolicyHead(models.Model):
    """Which revision is in force: one row, read with each request, so a publish is visible everywhere at once."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    revision = models.PositiveIntegerField(default=0)
    # Raised when a database is restored, so that revisions never go down for agents.
    epoch = models.PositiveIntegerField(default=1)
    digest = models.CharField(max_length=64, default="")
    updated_at = models.DateTimeField(auto_now=True)
    # Everything in this database is invented. It stands here because every page reads this row anyway.
    is_demo = models.BooleanField(default=False)
    # The organisation's, of the policy in force: notices need it, and may not read policies.
    time_zone = models.CharField(max_length=64, default="UTC")
    # Not read any more: `model_rules` holds it too. The column goes with the next release.
    recommended = models.JSONField(default=list)
    # The section `models` of the policy in force: pages of machines tell what it forbids and who misses what it names.
    model_rules = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="policy_head_is_one_row")]

    def __str__(self) -> str:
        return f"revision {self.revision}"


class Lease(models.Model):
    """Who does a scheduled job right now, and when it is due again. `portal.common.leases` is how to use it."""

    job = models.CharField(max_length=100, primary_key=True)
    # Empty while nobody is at it.
    owner = models.CharField(max_length=32)
    taken_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.job
