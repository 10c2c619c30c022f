"""Whether the portal can hear its machines at all. Each web process signs a row; a gap in that is no silence."""

import logging
import threading
from datetime import datetime

from django.db import DatabaseError, connection
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from machines.health.facts import DEAF_AFTER
from machines.health.models import Watch

SIGN_EVERY_S = 15.0

log = logging.getLogger(__name__)


def sign(*, now: datetime) -> None:
    """ "A web process listens." One update; after a gap, or by a clock that was set back, it says since when."""
    is_gap = Q(listened_at=None) | Q(listened_at__lt=now - DEAF_AFTER)
    heard_again = is_gap | Q(listening_since=None) | Q(listening_since__gt=now)
    since = Case(When(heard_again, then=Value(now)), default=F("listening_since"))
    if not Watch.objects.filter(pk=1).update(listening_since=since, listened_at=now):
        Watch.objects.bulk_create([Watch(pk=1, listening_since=now, listened_at=now)], ignore_conflicts=True)


def start_signing() -> threading.Event:
    """A thread for the life of the web process; set the event to end it."""
    is_over = threading.Event()
    threading.Thread(target=_keep_signing, args=(is_over,), name="listening", daemon=True).start()
    return is_over


def _keep_signing(is_over: threading.Event) -> None:
    while not is_over.is_set():
        try:
            sign(now=timezone.now())
        except DatabaseError as error:
            # While the database is away no message is taken either: the gap is real.
            log.warning("listening.not_signed", extra={"error": type(error).__name__})
        finally:
            connection.close()
        is_over.wait(SIGN_EVERY_S)
