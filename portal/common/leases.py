"""One worker at a time does a scheduled job, and no more often than it is due, whoever sent the message how often.

The database is the judge, by its own clock. A lease is renewed while the job runs, so it may be short: a killed worker
holds its job up for seconds. A worker that is stopped and wakes up late may still write after its lease went to another
one; so every job is idempotent as well.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum
from uuid import uuid4

from django.db import DatabaseError, connection
from django.db.models import Q
from django.db.models.functions import Now

from portal.common.models import Lease

# Shorter than the queue's visibility timeout, so that a killed worker's message comes back to a free lease.
HELD_FOR = timedelta(seconds=8)
RENEWED_EVERY_S = 2.0
# Two schedulers beat at different moments. A second message within this part of the period is one too many; the rest
# forgives a message that was late last time.
_DUE_AFTER = 0.8

log = logging.getLogger(__name__)


class Turn(Enum):
    OURS = "ours"
    BUSY = "busy"  # somebody else is at it, or died at it a moment ago
    DONE = "done"  # it was done within its period


@contextmanager
def lease(job: str, *, every: timedelta, held_for: timedelta = HELD_FOR) -> Iterator[Turn]:
    """Whose turn it is; work only when it is OURS. Work that raises is not done, so it is due again at once."""
    owner = uuid4().hex
    turn = take(job, owner=owner, every=every, held_for=held_for)
    if turn is not Turn.OURS:
        yield turn
        return
    with _renewed(job, owner=owner, held_for=held_for):
        try:
            yield turn
        except BaseException:
            release(job, owner=owner, due_in=timedelta())
            raise
    release(job, owner=owner, due_in=every * _DUE_AFTER)


def take(job: str, *, owner: str, every: timedelta, held_for: timedelta = HELD_FOR) -> Turn:
    """Two queries; each update carries its condition, so of two that come at once one gets it."""
    row = Lease.objects.filter(job=job)
    # What is further ahead than it was ever set was set by a clock that has been set back since: it holds nobody up.
    # Twice as far, for of two that come at once the one that began earlier may look later.
    is_waiting = Q(due_at__gt=Now(), due_at__lte=Now() + every)
    is_held = Q(expires_at__gt=Now(), expires_at__lte=Now() + 2 * held_for)
    is_free = (Q(owner="") & ~is_waiting) | (~Q(owner="") & ~is_held)
    if row.filter(is_free).update(owner=owner, taken_at=Now(), expires_at=Now() + held_for):
        return Turn.OURS
    if row.filter(is_waiting, owner="").exists():
        return Turn.DONE
    if row.exists():
        return Turn.BUSY
    Lease.objects.bulk_create([Lease(job=job, owner="", due_at=Now(), expires_at=Now())], ignore_conflicts=True)
    return take(job, owner=owner, every=every, held_for=held_for)


def renew(job: str, *, owner: str, held_for: timedelta = HELD_FOR) -> bool:
    """False when the lease went to somebody else."""
    return bool(Lease.objects.filter(job=job, owner=owner).update(expires_at=Now() + held_for))


def release(job: str, *, owner: str, due_in: timedelta) -> None:
    """Due again so long after it was *begun*: a slow job does not push the next one away."""
    done = Lease.objects.filter(job=job, owner=owner).first()
    if done is not None and done.taken_at is not None:
        Lease.objects.filter(job=job, owner=owner).update(owner="", due_at=done.taken_at + due_in)


@contextmanager
def _renewed(job: str, *, owner: str, held_for: timedelta) -> Iterator[None]:
    is_over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(job, owner, held_for, is_over), name=f"lease-{job}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def _keep(job: str, owner: str, held_for: timedelta, is_over: threading.Event) -> None:
    while not is_over.wait(RENEWED_EVERY_S):
        try:
            if not renew(job, owner=owner, held_for=held_for):
                log.warning("lease.lost", extra={"job": job})
                return
        except DatabaseError:
            # The job itself meets the same database and fails or waits; the next round tries again.
            log.warning("lease.not_renewed", extra={"job": job})
        finally:
            connection.close()
