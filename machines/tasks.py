"""Scheduled work on machines."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from machines.catalogue.services import refresh_text
from machines.enrolment import forget_old_enrolments
from machines.health import buffer, standing
from machines.health.evaluating import evaluate_due
from machines.health.polling import cycle
from machines.health.polling.targets import PERIOD_S
from portal.common.scheduled import scheduled_task


@scheduled_task("machines.watch")
def watch_machines() -> int:
    """Every ten seconds: takes in what waits, then evaluates. Returns how many states changed.

    What still waits may be of machines that would be called silent, so then nothing is evaluated.
    """
    if not buffer.flush():
        return 0
    return evaluate_due(now=timezone.now())


@scheduled_task("machines.forget_enrolments")
def forget_enrolments() -> int:
    return forget_old_enrolments(now=timezone.now())


@scheduled_task("machines.retire_silent")
def retire_silent() -> int:
    """Hourly, and only where the operator has said after how many days."""
    after_days = settings.RETIRE_AFTER_DAYS
    return standing.retire_silent(now=timezone.now(), after_days=after_days) if after_days else 0


@scheduled_task("machines.enqueue_polls")
def enqueue_polls() -> int:
    """Every 15 seconds, in chunks of 200 ids. What is not polled within the period is left to the next one."""
    chunks = cycle.list_due_chunks(now=timezone.now())
    for ids in chunks:
        poll_chunk.apply_async(args=[ids], expires=PERIOD_S)
    return len(chunks)


@shared_task(name="machines.poll_chunk")
def poll_chunk(ids: list[int]) -> None:
    """Safe to run twice and in two places at once: the rows say who polls them."""
    cycle.poll_chunk(ids, now=timezone.now())


@scheduled_task("machines.refresh_catalogue")
def refresh_catalogue() -> bool:
    """Hourly: takes in what Macs measured since, and a catalogue that came with a new version of the portal."""
    return refresh_text()
