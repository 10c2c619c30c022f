"""Reading which policy revision is in force. Only routing moves it."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest

from portal.common import clock
from portal.common.models import PolicyHead

# A count of seconds from here fits the column for 68 years.
_EPOCHS_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def get_head() -> PolicyHead:
    """The head; revision 0 when nothing was published yet. One query."""
    return PolicyHead.objects.filter(pk=1).first() or PolicyHead()


class RecentHead:
    """The head as this process read it at most a second ago: a hint for agents, never what a decision is made by."""

    SECONDS = 1.0

    def __init__(self) -> None:
        self._read_at = -self.SECONDS
        self._head = PolicyHead()

    def get(self) -> PolicyHead:
        if time.monotonic() - self._read_at >= self.SECONDS:
            self._head, self._read_at = get_head(), time.monotonic()
        return self._head

    def forget(self) -> None:
        self._read_at = -self.SECONDS


recent_head = RecentHead()


def head_of(request: HttpRequest) -> PolicyHead:
    """The head as it was read for this request; one query outside of pages of people who have signed in."""
    return getattr(request, "policy_head", None) or get_head()


def get_zone() -> ZoneInfo:
    """The organisation's time zone, of the policy in force. One query."""
    return zone_of(get_head())


def zone_of(head: PolicyHead) -> ZoneInfo:
    """UTC where this machine does not know the zone."""
    try:
        return ZoneInfo(head.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def least_epoch_after_restore(now: datetime) -> int:
    """By the clock, so that a backup which is restored in two places, or twice, gives two epochs, if not
    within one second.

    Where the clock is wrong, counting up from the epoch in the backup still keeps revisions from going down.
    """
    return max(1, int((now - _EPOCHS_SINCE).total_seconds()))


def touch_head() -> None:
    """Something else that bundles carry has changed: every process makes its bundle anew with its next request."""
    PolicyHead.objects.filter(pk=1).update(updated_at=clock.now())
