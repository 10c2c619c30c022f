"""The one-time token of the first-run page. Only its digest is kept."""

from django.db import models


class SetupToken(models.Model):
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.expires_at:%Y-%m-%d %H:%M}"
