"""What the portal remembers of sessions that met protected work."""

from typing import ClassVar

from django.db import models

from portal.common import clock


class SessionFloor(models.Model):
    """The strictest effect that one caller's session has met. It only tightens, and lapses when nobody asks."""

    # The Mac, or the token of a caller that is none: a session id of somebody else says nothing here.
    asker = models.CharField(max_length=40)
    session = models.CharField(max_length=100)
    effect = models.CharField(max_length=20)
    asked_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["asker", "session"], name="one_floor_per_session")]

    def __str__(self) -> str:
        return f"{self.asker}: {self.effect}"
