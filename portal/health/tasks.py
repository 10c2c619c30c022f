"""The worker's sign of life."""

from celery.signals import worker_ready

from portal.common.scheduled import scheduled_task
from portal.health.services import beat


@scheduled_task("health.worker_heartbeat")
def worker_heartbeat() -> None:
    beat()


@worker_ready.connect
def beat_at_start(**_: object) -> None:
    """A portal that just started is ready at once, not after the first scheduled beat."""
    beat()
