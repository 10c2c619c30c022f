"""The outbox, as scheduled work of the queue `notify`."""

from portal.common.scheduled import scheduled_task
from portal.notices.delivery import deliver_due


@scheduled_task("notices.deliver")
def deliver_notices() -> int:
    """Every five seconds: whoever wrote a notice did not have to reach the queue."""
    return deliver_due()
