"""Changes of machines' states, as incidents: called with them in the transaction that writes them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from django.db.models import QuerySet
from django.urls import reverse

from machines.models import Machine
from portal.incidents.kinds import IncidentKind
from portal.incidents.services import Subject, begin, end

_KINDS = {
    "offline": IncidentKind.OFFLINE,
    "missing": IncidentKind.OFFLINE,
    "degraded": IncidentKind.DEGRADED,
    "quarantined": IncidentKind.QUARANTINED,
}
# These say nothing yet: a machine that was gone is late until it is there.
_UNDECIDED = frozenset({"pending", "late"})
# A person decided it, and the Mac may be as silent as before: it is not back.
_BY_DECISION = frozenset({"quarantined", "retired"})


class Changed(Protocol):
    """What a `StateChange` row has."""

    machine_id: int
    after: str
    at: datetime


def note_state_changes(changes: Iterable[Changed]) -> None:
    """Of several changes of one machine the last counts. A few queries for each state and moment that occurs."""
    last = {change.machine_id: change for change in changes if change.after not in _UNDECIDED}
    by_event: dict[tuple[str, datetime], list[int]] = defaultdict(list)
    for change in last.values():
        by_event[change.after, change.at].append(change.machine_id)
    for (after, at), machine_ids in by_event.items():
        _note(after, Machine.objects.filter(pk__in=machine_ids), at=at)


def _note(after: str, machines: QuerySet[Machine], *, at: datetime) -> None:
    kind = _KINDS.get(after)
    read = machines.select_related("health").only("public_id", "name", "owner_id", "health__seen_at")
    subjects = [_subject(machine, kind) for machine in read]
    for other in set(_KINDS.values()) - {kind}:
        end(kind=other, subjects=[subject.id for subject in subjects], at=at, is_news=after not in _BY_DECISION)
    if kind is not None:
        begin(kind=kind, subjects=subjects, at=at)


def _subject(machine: Machine, kind: IncidentKind | None) -> Subject:
    """Silence began with the last message, before it was long enough to be told: after a sleep, by two weeks."""
    page = reverse("machines:detail", args=[machine.public_id])
    since = machine.health.seen_at if kind is IncidentKind.OFFLINE else None
    return Subject(id=machine.public_id, label=machine.name, page=page, owner_id=machine.owner_id, since=since)
