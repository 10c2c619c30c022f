"""What the demo's people are told of, and where it goes: written by the portal's own outbox, and sent to nobody.

The webhooks' host ends in `.invalid`, for which the portal asks no resolver: whatever somebody tries with them while
the demo runs (a test, a delivery once more) fails there, says so, and nothing leaves the machine. What was sent in the
demo's past was handed to receivers that are invented as all of it is.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from portal.accounts.models import User
from portal.common import clock
from portal.demo.story import OFFLINE_SINCE
from portal.demo.work import Team
from portal.incidents.kinds import IncidentKind, begin_delay
from portal.incidents.models import Incident, Part
from portal.incidents.services import acknowledge
from portal.incidents.telling import tell
from portal.notices.choices import send_test_to
from portal.notices.delivery import Outcome, deliver_due
from portal.notices.destinations import Wanted, add_destination, choose_kinds
from portal.notices.models import Channel, Delivery, Destination
from portal.notices.sending import SendError

HOST = "chat.hoshizora.invalid"
# Seconds before people are told of the Mac that fell silent, and minutes before somebody looks why that did not arrive:
# whatever else is told between would not arrive either.
CHANNEL_ARCHIVED = OFFLINE_SINCE - timedelta(minutes=8)
CHANNEL_SWITCHED_OFF = OFFLINE_SINCE - timedelta(minutes=10)
# The worker looks this often while something waits to be told; a longer pause would count as an absence of the portal.
ROUND = timedelta(minutes=1)
# Somebody looks at a launch that was not what was decided within the hour; nobody has yet at those of the last week.
LOOKED_AFTER = timedelta(minutes=50)
NOT_LOOKED_AT = timedelta(days=7)
_OF_MACS = ["machine.offline", "machine.online", "machine.flapping", "machine.degraded", "machine.quarantined"]


def add_webhooks(team: Team) -> None:
    """The team's channel and two people's own, each tried out at once."""
    owner, developer = team.people["sato"], team.people["takahashi"]
    _add("#kirikae (demo)", "kirikae", [*_OF_MACS, "receipt.mismatch"], by=owner)
    _add("Aoi (demo)", "aoi", [*_OF_MACS, "receipt.mismatch", "notice.dead"], person=owner, by=owner)
    kinds = [*_OF_MACS, "request.answered", "request.declined"]
    _add("Sho’s script (demo)", "sho", kinds, channel=Channel.WEBHOOK, person=developer, by=owner)


def _add(
    name: str,
    path: str,
    kinds: list[str],
    *,
    channel: Channel = Channel.SLACK,
    person: User | None = None,
    by: User,
) -> None:
    wanted = Wanted(
        channel=channel, name=name, url=f"https://{HOST}/hooks/{path}", kinds=kinds, language="ja", person=person
    )
    destination, _secret = add_destination(wanted=wanted, by=by)
    send_test_to(destination=destination, by=by)


def tell_what_waits(*, until: datetime, archived_at: datetime) -> None:
    """The rounds that the worker made from when something went wrong until people were told of it."""
    at = None
    while part := Part.objects.filter(told_at=None, until=None, tell_at__lt=until).order_by("tell_at").first():
        noticed_at = part.tell_at - begin_delay(IncidentKind(part.kind), part.changes)
        at = max(noticed_at, at + ROUND) if at else noticed_at
        if at >= until:
            return
        with clock.standing_at(at):
            tell(now=at)
            deliver(archived_at=archived_at)
            # What was given up just now is told of in the next minute.
            tell(now=at)


def deliver(*, archived_at: datetime) -> None:
    """`archived_at`: from when on the team's channel takes nothing more."""
    deliver_due(send=partial(_hand_over, archived_at=archived_at))


def _hand_over(batch: Iterable[Delivery], *, archived_at: datetime) -> list[Outcome]:
    return [Outcome(one, _refusal_of(one, archived_at=archived_at)) for one in batch]


def _refusal_of(delivery: Delivery, *, archived_at: datetime) -> SendError | None:
    """A chat answers 410 for a channel that was archived, and the portal then gives up at once."""
    is_of_team = delivery.person is None
    return SendError("webhook.http_410", most_tries=1) if is_of_team and clock.now() >= archived_at else None


def switch_off_archived_channel(team: Team) -> None:
    """The owner was told that a notice was given up, and looked. It can be sent again still."""
    for incident in Incident.objects.filter(kind=IncidentKind.DEAD_LETTER, acknowledged_at=None):
        acknowledge(incident=incident, by=team.people["sato"])
    for destination in Destination.objects.filter(person=None):
        choose_kinds(destination=destination, kinds=(), by=team.people["sato"])


def look_at_older_launches(team: Team, *, now: datetime) -> None:
    for incident in Incident.objects.filter(kind=IncidentKind.MISMATCH, opened_at__lt=now - NOT_LOOKED_AT):
        with clock.standing_at(incident.opened_at + LOOKED_AFTER):
            acknowledge(incident=incident, by=team.people["tanaka"])
