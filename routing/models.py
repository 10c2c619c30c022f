"""Policy revisions: published once, never changed."""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models


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
