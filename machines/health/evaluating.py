"""Brings stored states up to now: reads the rows that are due, writes transitions. The fleet's size does not matter."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from machines.health.choices import MachineState
from machines.health.facts import DEAF_AFTER, facts_of, read_watch
from machines.health.incidents import note_state_changes
from machines.health.models import FleetSample, Health, StateChange, Watch
from machines.health.states import judge
from machines.models import Machine

# One short transaction each: whoever reports meanwhile waits for it.
BATCH_ROWS = 500
BATCHES = 100
SAMPLE_EVERY = timedelta(minutes=10)
SAMPLES_KEPT = timedelta(days=8)
_GONE = (MachineState.OFFLINE, MachineState.MISSING)


@dataclass(frozen=True)
class Transition:
    health: Health
    after: MachineState


def evaluate_due(*, now: datetime) -> int:
    """Writes every transition that is due. Returns how many there were.

    While no web process listens, silence says nothing: then nothing changes.
    """
    watch = read_watch()
    changed = 0
    if watch is None or watch.listened_at is None or now - watch.listened_at <= DEAF_AFTER:
        for _ in range(BATCHES):
            looked_at, transitions = _evaluate_batch(watch, now)
            changed += transitions
            if looked_at < BATCH_ROWS:
                break
    Watch.objects.update_or_create(pk=1, defaults={"evaluated_at": now})
    sample_fleet(now=now)
    return changed


@transaction.atomic
def evaluate_one(machine: Machine, *, now: datetime) -> MachineState:
    """For the moment after a report or a decision of a person: the page shows it at once."""
    rows = _with_facts(Health.objects.filter(pk=machine.pk)).select_for_update(of=("self",))
    _settle(list(rows), read_watch(), now)
    machine.refresh_from_db(fields=["state", "state_since"])
    return MachineState(machine.state)


@transaction.atomic
def _evaluate_batch(watch: Watch | None, now: datetime) -> tuple[int, int]:
    # Two evaluators at once share the rows; one beside a report leaves that machine for its next round.
    due = _with_facts(Health.objects.filter(due_at__lt=now).order_by("due_at"))
    rows = list(due.select_for_update(of=("self",), skip_locked=True)[:BATCH_ROWS])
    return len(rows), _settle(rows, watch, now)


def _with_facts(rows: "QuerySet[Health]") -> "QuerySet[Health]":
    return rows.select_related("machine").prefetch_related("machine__poll_targets")


def _settle(rows: Sequence[Health], watch: Watch | None, now: datetime) -> int:
    transitions = []
    # Most often a report has just written the same.
    changed = []
    for health in rows:
        judgement = judge(facts_of(health, watch=watch, now=now), now=now)
        if judgement.due_at != health.due_at or judgement.state != health.machine.state:
            changed.append(health)
        health.due_at = judgement.due_at
        if judgement.state != health.machine.state:
            transitions.append(Transition(health, judgement.state))
            if judgement.state in _GONE:
                health.arrivals = 0
    Health.objects.bulk_update(changed, ["due_at", "arrivals"], batch_size=BATCH_ROWS)
    _write(transitions, now)
    return len(transitions)


def _write(transitions: Sequence[Transition], now: datetime) -> None:
    by_change: dict[tuple[str, MachineState], list[int]] = defaultdict(list)
    for one in transitions:
        by_change[one.health.machine.state, one.after].append(one.health.pk)
    for (before, after), ids in by_change.items():
        # A machine that was retired meanwhile stays so.
        Machine.objects.filter(pk__in=ids, state=before).update(state=after, state_since=now)
    changes = [
        StateChange(machine_id=one.health.pk, at=now, before=one.health.machine.state, after=one.after)
        for one in transitions
    ]
    StateChange.objects.bulk_create(changes)
    note_state_changes(changes)


def sample_fleet(*, now: datetime) -> bool:
    """Counts by state, at most once in ten minutes. False: the last sample is recent enough."""
    newest = FleetSample.objects.filter(at__lte=now).first()
    if newest is not None and now - newest.at < SAMPLE_EVERY:
        return False
    FleetSample.objects.bulk_create([FleetSample(at=now, counts=count_states())], ignore_conflicts=True)
    FleetSample.objects.filter(at__lt=now - SAMPLES_KEPT).delete()
    return True


def count_states() -> dict[str, int]:
    """How many machines are in which state; retired ones are no part of the fleet."""
    rows = Machine.objects.filter(~Q(state=MachineState.RETIRED)).order_by().values_list("state")
    return dict(rows.annotate(count=Count("pk")))
