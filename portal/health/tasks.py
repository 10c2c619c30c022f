"""The worker's sign of life."""

from celery import shared_task
from celery.signals import worker_ready

from portal.health.services import beat


@shared_task(name="health.worker_heartbeat")
def worker_heartbeat() -> None:
    beat()


@worker_ready.connect
def beat_at_start(**_: object) -> None:
    """A portal that just started is ready at once, not after the first scheduled beat."""
    beat()
