"""Telling people of incidents, as scheduled work."""

from portal.common import clock
from portal.common.scheduled import scheduled_task
from portal.incidents.telling import tell


@scheduled_task("incidents.tell")
def tell_of_incidents() -> int:
    return tell(now=clock.now())
