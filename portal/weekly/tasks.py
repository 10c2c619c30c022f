"""The weekly summary, as scheduled work."""

from portal.common import clock
from portal.common.scheduled import scheduled_task
from portal.weekly.services import tell_of_last_week


@scheduled_task("weekly.tell")
def tell_weekly() -> int:
    """Each hour, so that a portal that was off on Monday morning makes up for it."""
    return tell_of_last_week(now=clock.now())
