"""Requests of developers to the admins: classify this project, or make an exception for it."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from machines.models import Machine
from portal.common.ids import new_public_id

REASON_LENGTH = 500


def new_request_id() -> str:
    return new_public_id("q")


class PolicyRequestQuerySet(models.QuerySet["PolicyRequest"]):
    def lock(self) -> Self:
        """To answer: before the head of the policy.

        Not the key: a draft being saved for the request holds the head and refers to the request, for which it would
        wait at its end while the answer waits for the head.
        """
        return self.select_for_update(no_key=True)


class PolicyRequest(models.Model):
    """It waits until an admin answers it: with a rule, or with a no."""

    class Kind(models.TextChoices):
        CLASSIFY = "classify", _("Classify the project")
        EXCEPTION = "exception", _("Make an exception")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("a request, for an answer", "Waiting")
        ANSWERED = "answered", _("Answered")
        DECLINED = "declined", _("Declined")

    public_id = models.CharField(max_length=20, unique=True, default=new_request_id, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    reason = models.CharField(max_length=REASON_LENGTH, default="", blank=True)
    machine = models.ForeignKey(Machine, on_delete=models.PROTECT, related_name="policy_requests")
    # Normalised and without credentials, one a line.
    remotes = models.TextField(default="", blank=True)
    # Of kind and projects: the same request is not made twice while it waits.
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)
    # Of the policy that answered it.
    revision = models.PositiveIntegerField(null=True)

    objects: ClassVar = PolicyRequestQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["machine", "digest"], condition=Q(state="open"), name="policy_request_waits_once"
            ),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None) | (~Q(state="open") & Q(answered_at__isnull=False)),
                name="policy_request_waits_or_is_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.kind})"

    @property
    def remote_list(self) -> list[str]:
        return self.remotes.split("\n") if self.remotes else []

    @property
    def named_remotes(self) -> list[str]:
        """Those that name one repository, as rules may have them."""
        return [remote for remote in self.remote_list if "*" not in remote]
