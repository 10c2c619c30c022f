"""Policy drafts: whole policies that wait. A draft never changes; an edit is a new one, so an approval of it holds."""

import json
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.common.ids import new_public_id
from routing.inbox_models import PolicyRequest

TITLE_LENGTH = 200


def new_draft_id() -> str:
    return new_public_id("d")


class PolicyDraft(models.Model):
    """A policy that somebody saved and nobody has published yet, with the revision that it was made from."""

    class State(models.TextChoices):
        WAITING = "waiting"
        PUBLISHED = "published"
        DISCARDED = "discarded"

    public_id = models.CharField(max_length=20, unique=True, default=new_draft_id, editable=False)
    title = models.CharField(max_length=TITLE_LENGTH)
    note = models.CharField(max_length=500, default="", blank=True)
    # As in a revision: canonical JSON, byte for byte what `digest` was taken over.
    document = models.TextField()
    digest = models.CharField(max_length=64)
    base_revision = models.PositiveIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=120)
    at = models.DateTimeField()
    # What a developer asked for, which publishing answers.
    request = models.ForeignKey(PolicyRequest, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="waiting", closed_at=None) | (~Q(state="waiting") & Q(closed_at__isnull=False)),
                name="policy_draft_waits_or_is_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.title})"

    @property
    def parsed(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.document)
        return document
