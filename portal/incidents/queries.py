"""Reads of incidents for their pages."""

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from portal.accounts.models import User
from portal.incidents.kinds import RULES, IncidentKind
from portal.incidents.models import Incident, Part

SHOWN = 100
PARTS_SHOWN = 500
NAMES_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """`names`: of the first things that the person may see; `things` and `going_on` count those."""

    incident: Incident
    names: list[str]
    things: int
    going_on: int


def list_incidents(person: User) -> list[Row]:
    """Those that go on first. Three queries."""
    visible = Incident.objects.visible_to(person).select_related("acknowledged_by")
    still = list(visible.filter(closed_at=None)[:SHOWN])
    incidents = still + list(visible.exclude(closed_at=None)[: SHOWN - len(still)])
    parts = Part.objects.filter(incident__in=incidents)
    seen = parts if person.can_read_all else parts.filter(owner=person)
    by_incident: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    for incident_id, label, until in seen.values_list("incident_id", "label", "until"):
        by_incident[incident_id].append((label, until is None))
    return [_row(incident, by_incident[incident.pk]) for incident in incidents]


def _row(incident: Incident, parts: list[tuple[str, bool]]) -> Row:
    names = list(dict.fromkeys(label for label, _is_open in parts))
    return Row(incident, names[:NAMES_SHOWN], things=len(parts), going_on=sum(is_open for _label, is_open in parts))


def get_incident(person: User, public_id: str) -> Incident:
    """Raises Http404 for an incident that is not there and for one of others alike."""
    return get_object_or_404(Incident.objects.visible_to(person), public_id=public_id)


def list_parts(incident: Incident, person: User) -> list[Part]:
    return list(_parts(incident, person).select_related("owner")[:PARTS_SHOWN])


def _parts(incident: Incident, person: User) -> QuerySet[Part]:
    return incident.parts.all() if person.can_read_all else incident.parts.filter(owner=person)


def can_acknowledge(incident: Incident, person: User) -> bool:
    """Admins, and owners of what it befell; an auditor only reads. Nobody ends for others what a look ends."""
    if incident.acknowledged_at is not None or person.is_admin:
        return incident.acknowledged_at is None
    owners = set(incident.parts.values_list("owner", flat=True))
    return owners == {person.pk} if RULES[IncidentKind(incident.kind)].ends_by_hand else person.pk in owners
