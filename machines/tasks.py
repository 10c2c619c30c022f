"""Scheduled work on machines."""

from django.utils import timezone

from machines.enrolment import forget_old_enrolments
from machines.liveness import refresh_states
from portal.common.scheduled import scheduled_task


@scheduled_task("machines.refresh_states")
def refresh_machine_states() -> int:
    """Runs every 15 seconds, so that a state is at most that much behind. Returns how many changed."""
    now = timezone.now()
    forget_old_enrolments(now=now)
    return refresh_states(now=now)
