"""Reading which policy revision is in force. Only routing moves it."""

from portal.common.models import PolicyHead


def get_head() -> PolicyHead:
    """The head; revision 0 when nothing was published yet. One query."""
    return PolicyHead.objects.filter(pk=1).first() or PolicyHead()
