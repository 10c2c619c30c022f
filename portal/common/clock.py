"""What time it is for the portal. What keeps records asks here, so that past work can be recorded at its own time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


def now() -> datetime:
    return _moment.get() or timezone.now()


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Within the block, and only in this thread, it is that time. For demo data; no request ever does this."""
    token = _moment.set(moment)
    try:
        yield
    finally:
        _moment.reset(token)
