"""Writing the outbox: notices, and one delivery per receiver, in the transaction of what they tell of.

Nothing is sent here and no queue is asked: a worker looks for what is due (`portal.notices.delivery`). So a notice is
there if and only if its cause is, and no request waits for a queue or a mail server.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from portal.accounts.models import Role, User
from portal.audit.services import record
from portal.common import clock
from portal.common.models import PolicyHead
from portal.common.policy_head import get_head, zone_of
from portal.notices.kinds import Kind, get_kind, refuse_missing_fields
from portal.notices.models import Channel, Choice, Delivery, Destination, Notice
from portal.notices.quiet import earliest, quiet_of


@transaction.atomic
def notify(
    *, kind: str, key: str, subject: str, data: Mapping[str, Any], to: Iterable[User] | None = None
) -> Notice | None:
    """Tell the people in `to`; None: the admins and the team's channels. A key that was used tells nobody again.

    Raises KeyError for an unknown kind, and ValueError when `data` lacks what the kind's words need.
    """
    found = get_kind(kind)
    refuse_missing_fields(found, data)
    notice = _write(kind, key=key, subject=subject, data=data)
    if notice is None:
        return None
    now = notice.at
    people = list_admins() if to is None else [person for person in to if person.is_active]
    rows = [*_to_people(notice, people, found, now=now), *_to_team(notice, found, now=now, is_wanted=to is None)]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    return notice


@transaction.atomic
def notify_team(*, kind: str, key: str, subject: str, data: Mapping[str, Any]) -> Notice | None:
    """Tell the team's channels and no person."""
    found = get_kind(kind)
    refuse_missing_fields(found, data)
    notice = _write(kind, key=key, subject=subject, data=data)
    if notice is not None:
        Delivery.objects.bulk_create(_to_team(notice, found, now=notice.at, is_wanted=True))
    return notice


@transaction.atomic
def notify_destination(
    *, kind: str, key: str, subject: str, data: Mapping[str, Any], destination: Destination
) -> Notice | None:
    """Tell one webhook, whatever it chose: for trying it out."""
    refuse_missing_fields(get_kind(kind), data)
    notice = _write(kind, key=key, subject=subject, data=data)
    if notice is not None:
        owner = destination.person
        _delivery(notice, destination.channel, person=owner, destination=destination, due_at=notice.at).save()
    return notice


@transaction.atomic
def withdraw(*, key: str) -> int:
    """What was not sent yet is not sent any more. Returns how many deliveries that spared."""
    waiting = Delivery.objects.filter(notice__key=key, state=Delivery.State.WAITING, claimed_until=None)
    return waiting.update(state=Delivery.State.WITHDRAWN, ended_at=clock.now())


@transaction.atomic
def resend(*, delivery: Delivery, by: User) -> bool:
    """What was given up gets all its tries again. False when it is not given up any more."""
    row = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.DEAD)
    if not row.update(state=Delivery.State.WAITING, attempts=0, due_at=clock.now(), ended_at=None, claimed_until=None):
        return False
    record(by=by, action="notice.resent", subject=delivery, data={"reason": delivery.reason})
    return True


def can_send_mail(head: PolicyHead) -> bool:
    """There is a mail server, and the people are real: a demo's addresses are invented."""
    return bool(settings.MAIL_FROM) and not head.is_demo


def list_admins() -> list[User]:
    return list(User.objects.filter(is_active=True, role__in=(Role.OWNER, Role.POLICY_ADMIN)).order_by("pk"))


def _write(kind: str, *, key: str, subject: str, data: Mapping[str, Any]) -> Notice | None:
    """None when the key was used before."""
    values = {"kind": kind, "subject": subject, "data": dict(data), "at": clock.now()}
    notice, is_new = Notice.objects.get_or_create(key=key, defaults=values)
    return notice if is_new else None


def _to_people(notice: Notice, people: list[User], kind: Kind, *, now: datetime) -> Iterator[Delivery]:
    choices = Choice.objects.in_bulk([person.pk for person in people])
    own = Destination.objects.filter(person__in=people, removed_at=None)
    head = get_head()
    zone, sends_mail = zone_of(head), can_send_mail(head)
    for person in people:
        choice = choices.get(person.pk)
        due_at = now if kind.is_asked_for else earliest(now, quiet_of(choice), zone=zone)
        if sends_mail and not (choice and kind.code in choice.muted_by_mail):
            yield _delivery(notice, Channel.MAIL, person=person, due_at=due_at)
        for destination in own:
            if destination.person_id == person.pk and _takes(destination, kind):
                yield _delivery(notice, destination.channel, person=person, destination=destination, due_at=due_at)


def _to_team(notice: Notice, kind: Kind, *, now: datetime, is_wanted: bool) -> Iterator[Delivery]:
    if is_wanted:
        for destination in Destination.objects.filter(person=None, removed_at=None):
            if _takes(destination, kind):
                yield _delivery(notice, destination.channel, destination=destination, due_at=now)


def _takes(destination: Destination, kind: Kind) -> bool:
    return kind.is_asked_for or kind.code in destination.kinds


def _delivery(
    notice: Notice,
    channel: str,
    *,
    due_at: datetime,
    person: User | None = None,
    destination: Destination | None = None,
) -> Delivery:
    receiver = destination.public_id if destination else person.public_id if person else ""
    key = hashlib.sha256(f"{notice.key}|{channel}|{receiver}".encode()).hexdigest()[:40]
    return Delivery(notice=notice, channel=channel, person=person, destination=destination, key=key, due_at=due_at)
