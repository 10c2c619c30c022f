"""Turning incidents into notices: one for each incident and receiver, when the delay is over and it still goes on."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from portal.accounts.models import User
from portal.incidents.kinds import RULES, STILL_AFTER, IncidentKind
from portal.incidents.models import Incident, Part, Round
from portal.incidents.services import Subject, begin, close_finished, end
from portal.notices.models import Delivery
from portal.notices.services import list_admins, notify

# A round that comes later than this after the last one follows a time in which nobody looked.
GAP = timedelta(seconds=75)
# After such a time machines get two heartbeats to show that they are there.
GRACE = timedelta(seconds=120)
# The first of a group waits no longer than this for the others.
HELD_AT_MOST = timedelta(minutes=5)
_DEAD = RULES[IncidentKind.DEAD_LETTER].begin_notice
# Only these follow from what was *not* heard.
_OF_SILENCE = (IncidentKind.OFFLINE, IncidentKind.DEGRADED)
# What is over is not told of. But a launch that differed is over only because somebody looked, and that may have been
# the one whose launch it was.
_is_news = Q(until=None) | Q(kind=IncidentKind.MISMATCH)


@transaction.atomic
def tell(*, now: datetime) -> int:
    """One round. Returns how many things people were told of. Doing it twice tells once."""
    _mind_the_gap(now)
    _end_flapping(now)
    _note_dead_letters(now)
    begun = Part.objects.filter(_is_news, told_at=None, tell_at__lte=now)
    ended = Part.objects.filter(end_told_at=None, tell_end_at__lte=now).exclude(told_at=None).exclude(until=None)
    return _tell(begun, is_end=False, now=now) + _tell(ended, is_end=True, now=now)


def _mind_the_gap(now: datetime) -> None:
    last = Round.objects.filter(pk=1).first()
    if last is None or now - last.at > GAP:
        waiting = Part.objects.filter(told_at=None, until=None, tell_at__lt=now + GRACE, kind__in=_OF_SILENCE)
        waiting.update(tell_at=now + GRACE)
    Round.objects.update_or_create(pk=1, defaults={"at": now})


def _end_flapping(now: datetime) -> None:
    """What changed last so long ago keeps still."""
    flapping = list(Part.objects.filter(kind=IncidentKind.FLAPPING, until=None))
    if not flapping:
        return
    restless = Part.objects.filter(subject__in=[part.subject for part in flapping]).filter(
        Q(since__gt=now - STILL_AFTER) | Q(until__gt=now - STILL_AFTER), kind__in=_OF_SILENCE
    )
    moving = set(restless.values_list("subject", flat=True))
    still = [part for part in flapping if part.subject not in moving and part.since <= now - STILL_AFTER]
    Part.objects.filter(pk__in=[part.pk for part in still]).update(until=now)
    close_finished({part.incident_id for part in still}, at=now)


def _note_dead_letters(now: datetime) -> None:
    """Each delivery that was given up, once. That nobody hears of *these* incidents is not told: it would never end."""
    dead = Delivery.objects.filter(state=Delivery.State.DEAD).exclude(notice__kind=_DEAD)
    known = Part.objects.filter(kind=IncidentKind.DEAD_LETTER)
    fresh = dead.exclude(public_id__in=known.values("subject")).select_related("destination", "person")
    subjects = [Subject(one.public_id, one.receiver, "/notices/deliveries/") for one in fresh]
    if subjects:
        begin(kind=IncidentKind.DEAD_LETTER, subjects=subjects, at=now)
    sent = Delivery.objects.filter(state=Delivery.State.SENT)
    over = known.filter(until=None, subject__in=sent.values("public_id")).values_list("subject", flat=True)
    if over:
        end(kind=IncidentKind.DEAD_LETTER, subjects=over, at=now)


def _tell(due: QuerySet[Part], *, is_end: bool, now: datetime) -> int:
    by_incident: dict[Incident, list[Part]] = defaultdict(list)
    for part in due.select_related("incident", "owner"):
        by_incident[part.incident].append(part)
    ripe = {one: parts for one, parts in by_incident.items() if not _is_growing(one, parts, is_end=is_end, now=now)}
    for incident, parts in ripe.items():
        _tell_of(incident, parts, is_end=is_end)
        told = Part.objects.filter(pk__in=[part.pk for part in parts])
        told.update(**{"end_told_at" if is_end else "told_at": now})
    return sum(len(parts) for parts in ripe.values())


def _is_growing(incident: Incident, parts: list[Part], *, is_end: bool, now: datetime) -> bool:
    """Others followed the first a moment later and are due a moment later: they belong into the same notice."""
    rules = RULES[IncidentKind(incident.kind)]
    if is_end:
        newest = incident.parts.aggregate(at=Max("until"))["at"] + rules.end_delay
        first = min(part.tell_end_at for part in parts if part.tell_end_at is not None)
    else:
        newest, first = incident.latest_at + rules.begin_delay, min(part.tell_at for part in parts)
    return bool(newest > now and first > now - HELD_AT_MOST)


def _tell_of(incident: Incident, parts: list[Part], *, is_end: bool) -> None:
    rules = RULES[IncidentKind(incident.kind)]
    kind = rules.end_notice if is_end else rules.begin_notice
    if kind is None:
        return
    admins = list_admins()
    _notify(kind, incident, parts, to=None)
    by_owner: dict[User, list[Part]] = defaultdict(list)
    for part in parts:
        if part.owner is not None and part.owner not in admins:
            by_owner[part.owner].append(part)
    for owner, own in by_owner.items():
        _notify(kind, incident, own, to=owner)


def _notify(kind: str, incident: Incident, parts: list[Part], *, to: User | None) -> None:
    labels = sorted({part.label for part in parts})
    data = {
        "incident": incident.public_id,
        "machines": labels,
        "destinations": labels,
        "count": len(parts),
        "changes": max(len(part.changes) for part in parts),
        "since": min(part.since for part in parts).isoformat(),
    }
    # Parts that are told of later are another notice of the same incident.
    key = f"{incident.public_id}:{kind}:{min(part.pk for part in parts)}:{to.public_id if to else 'admins'}"
    notify(kind=kind, key=key, subject=incident.public_id, data=data, to=None if to is None else [to])
