"""Reading which policy revision is in force. Only routing moves it."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.common.models import PolicyHead


def get_head() -> PolicyHead:
    """The head; revision 0 when nothing was published yet. One query."""
    return PolicyHead.objects.filter(pk=1).first() or PolicyHead()


def get_zone() -> ZoneInfo:
    """The organisation's time zone, of the policy in force; UTC where this machine does not know it."""
    try:
        return ZoneInfo(get_head().time_zone)
    except ZoneInfoNotFoundError:
        return ZoneInfo("UTC")
