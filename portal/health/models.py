"""One row that the worker renews; its age says whether scheduled work happens."""

from typing import ClassVar

from django.db import models


class WorkerHeartbeat(models.Model):
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    beaten_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="worker_heartbeat_one_row")]

    def __str__(self) -> str:
        return self.beaten_at.isoformat()
