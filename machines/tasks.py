"""Scheduled work on machines."""

from django.utils import timezone

from machines.enrolment import forget_old_enrolments
from machines.health import buffer
from machines.health.evaluating import evaluate_due
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
