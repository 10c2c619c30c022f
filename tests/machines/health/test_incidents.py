"""A change of a machine's state begins or ends incidents; late and pending say nothing yet."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from machines.health.incidents import note_state_changes
from machines.health.models import Health
from machines.models import Machine
from portal.accounts.models import User
from portal.incidents.models import Part, Round
from portal.incidents.telling import tell
from portal.notices.models import Notice

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@dataclass
class Change:
    machine_id: int
    after: str
    at: datetime


def go_through(mac: Machine, *states: str) -> list[tuple[str, bool]]:
    """Kinds of the parts, and whether each is still open."""
    for minute, state in enumerate(states):
        note_state_changes([Change(mac.pk, state, NOW + timedelta(minutes=minute))])
    return [(str(part.kind), part.until is None) for part in Part.objects.order_by("pk")]


@pytest.mark.parametrize(
    ("states", "parts"),
    [
        (("late", "online"), []),
        (("asleep",), []),
        (("late", "offline"), [("offline", True)]),
        (("offline", "missing"), [("offline", True)]),
        (("offline", "late"), [("offline", True)]),
        (("offline", "late", "online"), [("offline", False)]),
        (("offline", "asleep"), [("offline", False)]),
        (("offline", "degraded"), [("offline", False), ("degraded", True)]),
        (("degraded", "offline"), [("degraded", False), ("offline", True)]),
        (("quarantined", "retired"), [("quarantined", False)]),
    ],
)
def test_incidents_follow_the_states(states: tuple[str, ...], parts: list[tuple[str, bool]], mac: Machine) -> None:
    assert go_through(mac, *states) == parts


def test_a_part_names_the_mac_its_page_and_its_owner(mac: Machine, ben: User) -> None:
    go_through(mac, "offline")

    part = Part.objects.get()
    assert (part.subject, part.label, part.owner) == (mac.public_id, "ben-mini", ben)
    assert part.page == f"/machines/{mac.public_id}/"


def test_of_several_changes_of_one_machine_the_last_counts(mac: Machine) -> None:
    note_state_changes([Change(mac.pk, "offline", NOW), Change(mac.pk, "online", NOW)])

    assert not Part.objects.exists()


@pytest.mark.parametrize("decided", ["quarantined", "retired"])
def test_a_silent_mac_that_is_quarantined_or_retired_is_not_told_to_be_back(decided: str, mac: Machine) -> None:
    go_through(mac, "offline")
    Part.objects.update(told_at=NOW)

    note_state_changes([Change(mac.pk, decided, NOW + timedelta(minutes=9))])
    tell(now=NOW + timedelta(minutes=30))

    assert not Notice.objects.filter(kind="machine.online").exists()
    assert not Part.objects.filter(kind="offline", until=None).exists()


def test_a_mac_that_is_silent_after_its_release_is_told_of_anew(mac: Machine) -> None:
    go_through(mac, "offline")
    Part.objects.update(told_at=NOW)

    note_state_changes([Change(mac.pk, "quarantined", NOW + timedelta(minutes=9))])
    note_state_changes([Change(mac.pk, "offline", NOW + timedelta(minutes=11))])

    assert Part.objects.filter(kind="offline", until=None, told_at=None).exists()


def test_silence_is_told_from_the_last_message_on(mac: Machine) -> None:
    slept = NOW - timedelta(days=14, minutes=1)
    Health.objects.filter(pk=mac.pk).update(seen_at=slept)

    go_through(mac, "missing")
    later = NOW + timedelta(minutes=6)
    Round.objects.create(at=later - timedelta(seconds=15))
    tell(now=later)

    assert Part.objects.get().since == slept
    told = {datetime.fromisoformat(notice.data["since"]) for notice in Notice.objects.all()}
    assert told == {slept}
