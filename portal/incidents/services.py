"""Opening, ending and acknowledging. Whoever notices calls `begin` and `end` in the transaction of what it noticed.

Both take many things at once, and cost a fixed number of queries for each kind. Saying the same again changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from portal.accounts.models import User
from portal.audit.services import record
from portal.common import clock
from portal.incidents.kinds import (
    GROWS_FOR,
    RULES,
    STILL_AFTER,
    TOGETHER_WITHIN,
    IncidentKind,
    begin_delay,
    end_delay,
    is_flapping,
    recent,
)
from portal.incidents.models import Incident, Part

BATCH = 500


@dataclass(frozen=True)
class Subject:
    """The thing that it happened to: public id, name, path of its page, and who is told besides the admins.

    `since`: when it began, where that was before it was noticed.
    """

    id: str
    label: str
    page: str = ""
    owner_id: int | None = None
    since: datetime | None = None


@transaction.atomic
def begin(*, kind: IncidentKind, subjects: Iterable[Subject], at: datetime) -> None:
    """It happened to these. Those of which it is known already stay as they are."""
    wanted = {subject.id: subject for subject in subjects}
    newest = _newest_parts(kind, wanted, at=at)
    again = [part for part in newest.values() if _is_end_untold(part)]
    fresh = [wanted[key] for key in wanted if key not in newest or _is_over(newest[key])]
    for part in again:
        _note_change(part, at)
        part.until = part.tell_end_at = None
    Part.objects.bulk_update(again, ["until", "tell_end_at", "changes"], batch_size=BATCH)
    Incident.objects.filter(parts__in=again).update(closed_at=None)
    changed = again + _add_parts(kind, fresh, newest, at=at)
    _begin_flapping(changed, at=at)


@transaction.atomic
def end(*, kind: IncidentKind, subjects: Iterable[str], at: datetime, is_news: bool = True) -> None:
    """It is over for these; what it is not known of stays unknown. Not `is_news`: nobody is told of this end."""
    open_parts = list(Part.objects.filter(kind=kind, subject__in=list(subjects), until=None))
    for part in open_parts:
        _note_change(part, at)
        part.until = max(at, part.since)
        part.tell_end_at = part.until + end_delay(kind, part.changes)
        part.end_told_at = None if is_news else part.until
    Part.objects.bulk_update(open_parts, ["until", "tell_end_at", "end_told_at", "changes"], batch_size=BATCH)
    close_finished({part.incident_id for part in open_parts}, at=at)
    _begin_flapping(open_parts, at=at)


@transaction.atomic
def acknowledge(*, incident: Incident, by: User) -> bool:
    """Somebody has looked. That ends what nothing else ends. False when another was faster."""
    now = clock.now()
    row = Incident.objects.filter(pk=incident.pk, acknowledged_at=None)
    if not row.update(acknowledged_by=by, acknowledged_at=now):
        return False
    if RULES[IncidentKind(incident.kind)].ends_by_hand:
        Part.objects.filter(incident=incident, until=None).update(until=now)
        close_finished({incident.pk}, at=now)
    record(by=by, action="incident.acknowledged", subject=incident, data={"kind": incident.kind})
    return True


def close_finished(incidents: Iterable[int], *, at: datetime) -> None:
    still = Part.objects.filter(until=None).values("incident")
    Incident.objects.filter(pk__in=list(incidents), closed_at=None).exclude(pk__in=still).update(closed_at=at)


def _newest_parts(kind: IncidentKind, subjects: Iterable[str], *, at: datetime) -> dict[str, Part]:
    """The newest part of each thing, as far as it still matters; older ones come first and are replaced."""
    still_matters = Q(until=None) | Q(until__gt=at - STILL_AFTER)
    if RULES[kind].end_notice is not None:
        still_matters |= Q(told_at__isnull=False, end_told_at=None)
    parts = Part.objects.filter(still_matters, kind=kind, subject__in=list(subjects)).order_by("since", "pk")
    return {part.subject: part for part in parts}


def _is_over(part: Part) -> bool:
    return part.until is not None and not _is_end_untold(part)


def _is_end_untold(part: Part) -> bool:
    """People still believe it goes on, so it does: a short return is no news."""
    return part.until is not None and part.told_at is not None and part.end_told_at is None and _tells_end(part)


def _tells_end(part: Part) -> bool:
    return RULES[IncidentKind(part.kind)].end_notice is not None


def _note_change(part: Part, at: datetime) -> None:
    part.changes = [*recent(part.changes, at=at), at.isoformat()]


def _add_parts(kind: IncidentKind, subjects: Sequence[Subject], newest: dict[str, Part], *, at: datetime) -> list[Part]:
    if not subjects:
        return []
    incident = _join_or_open(kind, at=at)
    parts = []
    for subject in subjects:
        before = newest.get(subject.id)
        changes = [*recent(before.changes if before else [], at=at), at.isoformat()]
        part = Part(
            incident=incident,
            kind=kind,
            subject=subject.id,
            label=subject.label,
            page=subject.page,
            owner_id=subject.owner_id,
            since=min(subject.since or at, at),
            changes=changes,
            tell_at=at + begin_delay(kind, changes),
        )
        parts.append(part)
    # Somebody else may have noticed the same in this moment: then this incident has no part.
    Part.objects.bulk_create(parts, batch_size=BATCH, ignore_conflicts=True)
    Incident.objects.filter(pk=incident.pk, parts=None).delete()
    return parts


def _join_or_open(kind: IncidentKind, *, at: datetime) -> Incident:
    known = Incident.objects.filter(kind=kind, closed_at=None, acknowledged_at=None)
    growing = known.filter(latest_at__gte=at - TOGETHER_WITHIN, opened_at__range=(at - GROWS_FOR, at))
    incident = growing.order_by("-latest_at").first()
    if incident is None:
        return Incident.objects.create(kind=kind, opened_at=at, latest_at=at)
    Incident.objects.filter(pk=incident.pk, latest_at__lt=at).update(latest_at=at)
    return incident


def _begin_flapping(parts: Iterable[Part], *, at: datetime) -> None:
    """Of what changes too often there is one notice more, and then silence: its own delays are long by now."""
    flapping = [part for part in parts if is_flapping(part.changes) and part.kind != IncidentKind.FLAPPING]
    if flapping:
        subjects = [Subject(part.subject, part.label, part.page, part.owner_id) for part in flapping]
        begin(kind=IncidentKind.FLAPPING, subjects=subjects, at=at)
