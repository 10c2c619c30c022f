"""What people are told, and what they are spared: short absences, mass events one by one, things that flap."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.incidents.kinds import IncidentKind, begin_delay, end_delay
from portal.incidents.models import Incident, Part
from portal.incidents.services import Subject, acknowledge, begin, end
from portal.incidents.telling import tell
from portal.notices.models import Delivery, Notice
from portal.notices.services import notify, resend

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
OFFLINE = IncidentKind.OFFLINE


@pytest.fixture(autouse=True)
def _clock(db: None, settings: Settings) -> Iterator[None]:
    """Somebody has been looking all the time."""
    settings.MAIL_FROM = "kirikae@example.org"
    with time_machine.travel(NOW, tick=False):
        tell(now=at(-15))
        yield


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def mac(number: int = 1, owner: User | None = None) -> Subject:
    return Subject(id=f"m_{number}", label=f"mac-{number}", owner_id=owner.pk if owner else None)


def watch(start: float, until: float) -> list[str]:
    """Rounds every 15 seconds, in long times every minute; the kinds of the notices that they wrote."""
    before = set(Notice.objects.values_list("pk", flat=True))
    for seconds in range(int(start), int(until) + 1, 15 if until - start <= 120 else 60):
        tell(now=at(seconds))
    return list(Notice.objects.exclude(pk__in=before).order_by("pk").values_list("kind", flat=True))


@pytest.mark.slow
def test_an_absence_is_told_after_five_minutes_and_the_return_after_two() -> None:
    begin(kind=OFFLINE, subjects=[mac()], at=at(0))

    assert watch(0, 285) == []
    assert watch(300, 600) == ["machine.offline"]

    end(kind=OFFLINE, subjects=["m_1"], at=at(600))
    assert watch(615, 705) == []
    assert watch(720, 1500) == ["machine.online"]
    assert not Incident.objects.get().is_open


@pytest.mark.slow
def test_an_absence_that_is_over_in_time_is_never_told() -> None:
    begin(kind=OFFLINE, subjects=[mac()], at=at(0))
    watch(0, 285)
    end(kind=OFFLINE, subjects=["m_1"], at=at(290))

    assert watch(300, 1800) == []
    assert not Incident.objects.get().is_open


@pytest.mark.slow
def test_forty_macs_behind_one_switch_are_one_incident_and_one_notice_each_way(aiko: User, ben: User) -> None:
    for number in range(40):
        begin(kind=OFFLINE, subjects=[mac(number, owner=ben if number < 3 else aiko)], at=at(number))

    assert watch(45, 600) == ["machine.offline"] * 2
    for number in range(40):
        end(kind=OFFLINE, subjects=[f"m_{number}"], at=at(600 + number))
    assert watch(645, 1200) == ["machine.online"] * 2

    assert Incident.objects.get().parts.count() == 40
    told = {str(one.person): one.notice.data["count"] for one in Delivery.objects.all()}
    assert told == {"Aiko": 40, "Ben": 3}


def test_macs_that_fail_at_different_times_are_different_incidents() -> None:
    begin(kind=OFFLINE, subjects=[mac(1)], at=at(0))
    begin(kind=OFFLINE, subjects=[mac(2)], at=at(61))

    assert Incident.objects.count() == 2


def test_saying_the_same_again_changes_nothing() -> None:
    for seconds in (0, 15, 30):
        begin(kind=OFFLINE, subjects=[mac()], at=at(seconds))
    end(kind=OFFLINE, subjects=["m_1"], at=at(60))
    end(kind=OFFLINE, subjects=["m_1"], at=at(75))

    part = Part.objects.get()
    assert (part.since, part.until, len(part.changes)) == (at(0), at(60), 2)


@pytest.mark.slow
def test_a_short_return_after_a_notice_is_no_news_and_neither_is_the_next_absence() -> None:
    begin(kind=OFFLINE, subjects=[mac()], at=at(0))
    watch(0, 300)
    end(kind=OFFLINE, subjects=["m_1"], at=at(305))
    begin(kind=OFFLINE, subjects=[mac()], at=at(330))

    assert watch(330, 1500) == []
    assert Incident.objects.get().is_open


@pytest.mark.slow
def test_a_mac_that_flaps_is_told_of_once_and_then_left_alone() -> None:
    kinds = []
    for turn in range(20):
        begin(kind=OFFLINE, subjects=[mac()], at=at(turn * 120))
        kinds += watch(turn * 120, turn * 120 + 45)
        end(kind=OFFLINE, subjects=["m_1"], at=at(turn * 120 + 60))
        kinds += watch(turn * 120 + 60, turn * 120 + 105)

    assert kinds == ["machine.flapping"]
    flapping = Incident.objects.get(kind=IncidentKind.FLAPPING)
    assert flapping.is_open

    assert watch(2400, 2400 + 1800) == []
    flapping.refresh_from_db()
    assert not flapping.is_open


@pytest.mark.slow
def test_a_mac_that_stays_away_after_flapping_is_told_of_when_it_has_kept_still() -> None:
    for turn in range(3):
        begin(kind=OFFLINE, subjects=[mac()], at=at(turn * 60))
        end(kind=OFFLINE, subjects=["m_1"], at=at(turn * 60 + 30))
    begin(kind=OFFLINE, subjects=[mac()], at=at(180))

    assert watch(180, 180 + 1740) == ["machine.flapping"]
    assert watch(180 + 1785, 180 + 1830) == ["machine.offline"]


def test_delays_grow_with_earlier_changes_and_end_at_the_time_of_keeping_still() -> None:
    changes = [NOW.isoformat()] * 9

    assert [begin_delay(OFFLINE, changes[:count]).total_seconds() for count in (1, 3, 5, 7)] == [
        300,
        675,
        1518.75,
        1800,
    ]
    assert [end_delay(OFFLINE, changes[:count]).total_seconds() for count in (2, 4, 6)] == [120, 270, 1800]


def test_after_a_time_in_which_nobody_looked_nobody_is_told_before_two_heartbeats_could_come() -> None:
    begin(kind=OFFLINE, subjects=[mac(1), mac(2)], at=at(0))

    assert watch(3600, 3600) == []
    end(kind=OFFLINE, subjects=["m_1"], at=at(3650))
    assert watch(3615, 3705) == []
    assert watch(3720, 3720) == ["machine.offline"]
    assert Notice.objects.get().data["machines"] == ["mac-2"]


def test_looking_twice_in_one_moment_tells_once() -> None:
    begin(kind=IncidentKind.QUARANTINED, subjects=[mac()], at=at(0))

    assert watch(0, 0) == ["machine.quarantined"]
    assert watch(0, 0) == []


@pytest.mark.slow
def test_a_launch_that_differs_stays_open_until_somebody_has_looked(aiko: User) -> None:
    begin(kind=IncidentKind.MISMATCH, subjects=[mac()], at=at(0))
    assert watch(0, 3600) == ["receipt.mismatch"]
    incident = Incident.objects.get()

    assert acknowledge(incident=incident, by=aiko)
    assert not acknowledge(incident=incident, by=aiko)

    incident.refresh_from_db()
    assert (incident.is_open, incident.acknowledged_by) == (False, aiko)
    assert AuditEntry.objects.get().action == "incident.acknowledged"


def test_who_confirms_an_own_launch_at_once_keeps_it_from_nobody(aiko: User, ben: User) -> None:
    begin(kind=IncidentKind.MISMATCH, subjects=[mac(owner=ben)], at=at(0))

    acknowledge(incident=Incident.objects.get(), by=ben)

    # The admins, and Ben.
    assert watch(15, 120) == ["receipt.mismatch"] * 2
    assert watch(180, 900) == []


def test_to_have_looked_does_not_bring_a_mac_back(aiko: User) -> None:
    begin(kind=OFFLINE, subjects=[mac()], at=at(0))

    acknowledge(incident=Incident.objects.get(), by=aiko)

    assert Incident.objects.get().is_open


def test_a_notice_that_was_given_up_is_an_incident_until_it_is_sent(aiko: User, ben: User) -> None:
    notify(kind="test", key="k", subject="x", data={"person": "Ben"}, to=[ben])
    Delivery.objects.update(state="dead", ended_at=NOW)
    assert watch(0, 300) == ["notice.dead"]

    assert resend(delivery=Delivery.objects.get(person=ben), by=aiko)
    Delivery.objects.filter(person=ben).update(state="sent", ended_at=NOW)
    watch(315, 315)

    assert not Incident.objects.get().is_open


@pytest.mark.slow
def test_that_nobody_hears_of_lost_notices_makes_no_further_notices(aiko: User, ben: User) -> None:
    notify(kind="test", key="k", subject="x", data={"person": "Ben"}, to=[ben])
    for start in range(0, 600, 15):
        Delivery.objects.filter(state="waiting").update(state="dead", ended_at=NOW)
        watch(start, start)

    assert list(Notice.objects.values_list("kind", flat=True)) == ["notice.dead", "test"]


def test_number_of_queries_does_not_grow_with_macs(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(12):
        begin(kind=OFFLINE, subjects=[mac(number) for number in range(200)], at=at(0))
    with django_assert_max_num_queries(12):
        end(kind=OFFLINE, subjects=[f"m_{number}" for number in range(200)], at=at(30))
