"""The poll cycle: which targets are due, who takes them, and what a look changes. Each period looks at each once.

A chunk is claimed by one update, its rows carry the claim, and results are written only under it: two messages for one
chunk poll it once, and a worker that died or slept too long writes nothing of another's time.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from machines.health.availability import Observation, count
from machines.health.choices import PollSource
from machines.health.models import Health, PollTarget
from machines.health.polling.addresses import PollGuard, make_guard
from machines.health.polling.probes import Look, Target, look_at_all
from machines.health.polling.targets import PERIOD_S

CHUNK = 200
CLAIMED_FOR = timedelta(seconds=30)
JITTER = 0.1
# Down after three failures, up after two successes.
FAILURES_TO_LOSE, SUCCESSES_TO_REACH = 3, 2
_COLUMNS = (
    "due_at", "claim", "claimed_until", "polled_at", "failures", "successes", "is_reachable", "failure", "latency_ms",
    "view",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    looked_at: int
    good: int


def list_due_chunks(*, now: datetime) -> list[list[int]]:
    """Ids of targets that nobody has taken, oldest first; nothing while no network is allowed."""
    if not settings.POLL_NETWORKS:
        return []
    due = list(_free(now).order_by("due_at").values_list("pk", flat=True))
    return [due[start : start + CHUNK] for start in range(0, len(due), CHUNK)]


def poll_chunk(ids: Sequence[int], *, now: datetime, guard: PollGuard | None = None) -> Outcome:
    """Network: one request to each target that is still free. No database is held meanwhile."""
    claim = uuid4().hex
    if not _free(now).filter(pk__in=ids).update(claim=claim, claimed_until=now + CLAIMED_FOR):
        return Outcome(0, 0)
    rows = {row.pk: row for row in PollTarget.objects.filter(claim=claim).select_related("machine")}
    targets = [target for row in rows.values() if (target := _target_of(row)) is not None]
    looks = look_at_all(targets, guard=guard or make_guard())
    _store(claim, rows, looks, now=now)
    return Outcome(len(looks), sum(not look.failure for look in looks))


def _free(now: datetime) -> QuerySet[PollTarget]:
    """Times further ahead than they are ever set come from a clock that has been set back since: they count as over."""
    is_unclaimed = Q(claim="") | Q(claimed_until__lte=now) | Q(claimed_until__gt=now + 2 * CLAIMED_FOR)
    is_due = Q(due_at__lte=now) | Q(due_at__gt=now + timedelta(seconds=2 * PERIOD_S))
    return PollTarget.objects.filter(is_unclaimed, is_due)


def _target_of(row: PollTarget) -> Target | None:
    token = row.token
    if token is None:
        return None
    return Target(row.pk, row.kind, row.host, row.port, token=token, machine=row.machine.public_id)


@transaction.atomic
def _store(claim: str, rows: dict[int, PollTarget], looks: Sequence[Look], *, now: datetime) -> None:
    """Rows whose claim went to another worker stay as that one writes them."""
    ours = PollTarget.objects.select_for_update().filter(claim=claim).order_by("pk")
    held = set(ours.values_list("pk", flat=True))
    by_target = {look.target: look for look in looks}
    changed = [rows[pk] for pk in held]
    flipped = {row.machine_id for row in changed if _note(row, by_target.get(row.pk), now=now)}
    PollTarget.objects.bulk_update(changed, _COLUMNS, batch_size=CHUNK)
    observations = [
        Observation(row.machine_id, row.subject, not look.failure, look.latency_ms)
        for row in changed
        if (look := by_target.get(row.pk)) is not None
    ]
    count(observations, source=PollSource.POLL, now=now)
    # The evaluator writes the transition, if it is one.
    Health.objects.filter(pk__in=flipped).update(due_at=now - timedelta(microseconds=1))


def _note(row: PollTarget, look: Look | None, *, now: datetime) -> bool:
    """True when the view of the agent's machine changed. Without a look (no token) it waits for the next report."""
    spread = 1 + random.uniform(-JITTER, JITTER)  # noqa: S311 - no secret
    row.due_at = now + timedelta(seconds=PERIOD_S * spread)
    row.claim, row.claimed_until = "", None
    if look is None:
        return False
    before = row.is_reachable
    row.polled_at, row.failure = now, look.failure
    if look.failure:
        row.failures, row.successes = min(row.failures + 1, 1000), 0
    else:
        row.failures, row.successes = 0, min(row.successes + 1, 1000)
        row.latency_ms, row.view = look.latency_ms, look.view.document() if look.view else None
    if row.failures >= FAILURES_TO_LOSE:
        row.is_reachable = False
    elif row.successes >= SUCCESSES_TO_REACH:
        row.is_reachable = True
    return row.kind == PollTarget.AGENT and row.is_reachable != before
