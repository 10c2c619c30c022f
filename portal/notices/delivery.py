"""Sending what is due: at least once, each to its receiver, with a growing random pause after a failure.

A sender claims a delivery, sends it without a transaction, and marks it. One that dies in between lets go by time, and
the delivery is sent once more under the same key. Two senders never hold the same one: the claim carries its condition.
"""

import logging
import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F, Q

from portal.common import clock
from portal.common.policy_head import get_zone
from portal.common.sealing import SealBroken, unseal
from portal.notices.kinds import KINDS
from portal.notices.models import Delivery
from portal.notices.quiet import earliest, quiet_of
from portal.notices.sending import Mail, SendError, send_mail
from portal.notices.webhooks import Webhook, send_webhook
from portal.notices.wording import put_into_words

# Longer than a batch takes when every receiver is as slow as it may be.
CLAIMED_FOR = timedelta(seconds=60)
BATCH = 20
SENDERS = 8
# Ten seconds, doubled with each try, at most an hour; a random part of it, so that retries do not come together.
FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 3600.0
# With these pauses a receiver may be away for about three hours on average.
ATTEMPTS = 12
# What fails in a way that nobody thought of will hardly do better later.
POISON_TRIES = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    delivery: Delivery
    error: SendError | None


type Send = Callable[[Iterable[Delivery]], list[Outcome]]


def deliver_due(*, send: Send | None = None) -> int:
    """Sends until nothing is due. Returns how many were taken by their receivers.

    `send` stands in for the outside: the demo's receivers are invented, and nothing for them leaves the portal.
    """
    send = send or _send
    sent = 0
    while (batch := _claim_batch(clock.now())) is not None:
        outcomes = send(batch)
        for outcome in outcomes:
            _settle(outcome, now=clock.now())
        sent += sum(outcome.error is None for outcome in outcomes)
    return sent


def pause(attempts: int, *, share: float) -> timedelta:
    """Before the next try, after so many; `share` from 0 to 1 is the dice."""
    longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempts - 1))
    return timedelta(seconds=longest_s * share)


def _claim_batch(now: datetime) -> list[Delivery] | None:
    """None when nothing is due; an empty list when all that was found waits for somebody's morning, or for nobody."""
    due = Delivery.objects.filter(_is_free(now), state=Delivery.State.WAITING, due_at__lte=now).order_by("due_at", "pk")
    found = due.select_related("notice", "person__notice_choice", "destination__person__notice_choice")[:BATCH]
    if not found:
        return None
    wanted = [delivery for delivery in found if not _withdraw_from_former(delivery, now=now)]
    return [delivery for delivery in wanted if not _is_put_off(delivery, now=now) and _claim(delivery, now=now)]


def _is_free(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=now)


def _withdraw_from_former(delivery: Delivery, *, now: datetime) -> bool:
    """Whose account was closed after the notice was written is told no more; a snooze may be a week."""
    if delivery.person is None or delivery.person.is_active:
        return False
    row = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING)
    row.update(state=Delivery.State.WITHDRAWN, ended_at=now)
    return True


def _is_put_off(delivery: Delivery, *, now: datetime) -> bool:
    """Somebody may have snoozed after the notice was written."""
    kind = KINDS.get(delivery.notice.kind)
    if delivery.person is None or (kind and kind.is_asked_for):
        return False
    wanted_at = earliest(now, quiet_of(getattr(delivery.person, "notice_choice", None)), zone=get_zone())
    if wanted_at > now:
        Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING).update(due_at=wanted_at)
    return wanted_at > now


def _claim(delivery: Delivery, *, now: datetime) -> bool:
    row = Delivery.objects.filter(_is_free(now), pk=delivery.pk, state=Delivery.State.WAITING)
    return bool(row.update(claimed_until=now + CLAIMED_FOR, attempts=F("attempts") + 1))


def _send(batch: Iterable[Delivery]) -> list[Outcome]:
    """In threads, which wait for slow receivers and never touch the database: the words are made before."""
    jobs = [(delivery, _job_or_failure(delivery)) for delivery in batch]
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="notice") as pool:
        tries = [(delivery, pool.submit(_try, job)) for delivery, job in jobs]
        outcomes = [Outcome(delivery, future.result()) for delivery, future in tries]
    for one in outcomes:
        if one.error is not None:
            log.warning("notice.not_sent", extra={"delivery": one.delivery.public_id, "reason": one.error.code})
    return outcomes


def _job_or_failure(delivery: Delivery) -> Callable[[], None]:
    """A notice that cannot be put into words must not keep the others from being sent."""
    try:
        return _job(delivery)
    except Exception:  # whatever is wrong with it: of a kind that is gone, with data of another version
        log.exception("notice.unreadable", extra={"delivery": delivery.public_id})
        return partial(_fail, SendError("notice.unreadable", most_tries=POISON_TRIES))


def _job(delivery: Delivery) -> Callable[[], None]:
    notice, destination = delivery.notice, delivery.destination
    wording = put_into_words(notice, language=delivery.language)
    if destination is None:
        return partial(send_mail, Mail(to=delivery.mail_address, wording=wording, key=delivery.key))
    try:
        webhook = Webhook(
            url=unseal(destination.sealed_url),
            secret=unseal(destination.sealed_secret) if destination.sealed_secret else "",
            key=delivery.key,
            wording=wording,
            kind=notice.kind,
            at=notice.at,
            data=notice.data,
        )
    except SealBroken:
        return partial(_fail, SendError("webhook.secret_unreadable", most_tries=1))
    return partial(send_webhook, webhook, now=clock.now())


def _fail(error: SendError) -> None:
    raise error


def _try(job: Callable[[], None]) -> SendError | None:
    try:
        job()
    except SendError as error:
        return error
    except Exception:  # as above: the others of the batch go on
        log.exception("notice.not_sendable")
        return SendError("notice.not_sendable", most_tries=POISON_TRIES)
    return None


def _settle(outcome: Outcome, *, now: datetime) -> None:
    row = Delivery.objects.filter(pk=outcome.delivery.pk, state=Delivery.State.WAITING)
    error, attempts = outcome.error, outcome.delivery.attempts + 1
    if error is None:
        row.update(state=Delivery.State.SENT, ended_at=now, claimed_until=None, reason="")
        return
    if attempts >= (error.most_tries or ATTEMPTS):
        row.update(state=Delivery.State.DEAD, ended_at=now, claimed_until=None, reason=error.code)
    else:
        # No secret: it only spreads the load.
        due_at = now + pause(attempts, share=random.random())  # noqa: S311
        row.update(due_at=due_at, claimed_until=None, reason=error.code)
