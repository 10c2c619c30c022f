"""What a person chose: which kinds come by mail, quiet hours, a snooze; and trying a channel out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from django.db import transaction

from portal.accounts.models import User
from portal.audit.services import record
from portal.common import clock
from portal.notices.kinds import list_offered
from portal.notices.models import Choice, Delivery, Destination, Notice
from portal.notices.services import notify, notify_destination


@dataclass(frozen=True)
class Wishes:
    """Both quiet hours or none."""

    kinds_by_mail: Sequence[str]
    quiet_from: time | None
    quiet_to: time | None


def find_choice(person: User) -> Choice:
    """Not stored yet when the person never chose anything."""
    return Choice.objects.filter(person=person).first() or Choice(person=person)


@transaction.atomic
def choose(*, wishes: Wishes, by: User) -> None:
    offered = [kind.code for kind in list_offered(is_admin=by.is_admin)]
    muted = [code for code in offered if code not in wishes.kinds_by_mail]
    chosen = {"muted_by_mail": muted, "quiet_from": wishes.quiet_from, "quiet_to": wishes.quiet_to}
    Choice.objects.update_or_create(person=by, defaults=chosen)
    _look_again(by)
    record(by=by, action="notices.chosen", subject=by, data={"muted": list(muted)})


@transaction.atomic
def snooze(*, until: datetime | None, by: User) -> None:
    """None ends it."""
    Choice.objects.update_or_create(person=by, defaults={"snoozed_until": until})
    _look_again(by)
    record(by=by, action="notices.snoozed", subject=by, data={"until": until.isoformat() if until else None})


def _look_again(person: User) -> None:
    """What waits for the end of a quiet that was chosen before; the sender puts off anew what is quiet still."""
    now = clock.now()
    waiting = Delivery.objects.filter(person=person, state=Delivery.State.WAITING, claimed_until=None, due_at__gt=now)
    waiting.update(due_at=now)


def send_test_mail(*, by: User) -> Notice | None:
    """By mail and to the person's own webhooks; one a minute, None for more."""
    key = _test_key(by.public_id)
    return notify(kind="test", key=key, subject=by.public_id, data={"person": by.name}, to=[by])


def send_test_to(*, destination: Destination, by: User) -> Notice | None:
    key, data = _test_key(destination.public_id), {"person": by.name}
    return notify_destination(kind="test", key=key, subject=by.public_id, data=data, destination=destination)


def is_snoozed(choice: Choice) -> bool:
    return choice.snoozed_until is not None and choice.snoozed_until > clock.now()


def _test_key(receiver: str) -> str:
    """The same for a minute: nobody can fill an inbox from here."""
    return f"test:{receiver}:{clock.now():%Y-%m-%dT%H:%M}"
