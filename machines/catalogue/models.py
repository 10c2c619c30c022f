"""What admins changed of the shipped catalogue, and the texts that bundles carried."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class CatalogueChange(models.Model):
    """A model that the team added or that differs here from the shipped row of that name."""

    name = models.CharField(max_length=80, unique=True)
    # The whole row; None: the shipped row of that name is left out.
    document = models.JSONField(null=True)
    updated_at = models.DateTimeField()
    # None: the operator at the command line.
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        return self.name


class CatalogueText(models.Model):
    """The catalogue as bundles carry it, with what the fleet measured. The newest is in force; older ones are gone."""

    digest = models.CharField(max_length=64)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return self.digest[:12]
