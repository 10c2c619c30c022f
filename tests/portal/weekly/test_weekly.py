"""The weekly summary: once a week for each person, of what they may see, by the clock of the organisation."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_django.fixtures import Settings

from machines.health.models import Health
from machines.models import Machine
from portal.accounts.models import User
from portal.common.models import PolicyHead
from portal.notices.destinations import Wanted, add_destination
from portal.notices.models import Channel, Choice, Delivery, Notice
from portal.notices.wording import put_into_words
from portal.weekly.services import last_week, tell_of_last_week
from routing.models import Decision
from tests.machines.conftest import join

pytestmark = pytest.mark.django_db
TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=TOKYO)


@pytest.fixture(autouse=True)
def _ground(settings: Settings) -> None:
    settings.MAIL_FROM = "kirikae@example.org"
    PolicyHead.objects.update_or_create(pk=1, defaults={"time_zone": "Asia/Tokyo"})


def decide(person: User, backend: str, *, at: datetime, tokens: int = 0, refusal: str | None = None) -> None:
    answer = {"context": {"total_tokens": tokens}, "refusal": {"code": refusal} if refusal else None}
    Decision.objects.create(
        at=at,
        decided_by="portal",
        asked_by=person,
        task="commit-message",
        backend=backend,
        effect="cloud_ok",
        classification="open",
        revision=1,
        request={},
        answer=answer,
    )


@pytest.fixture
def week(aiko: User, ben: User, chie: User) -> None:
    """Ben asked four times, Aiko once; one more was before Monday in Tokyo, though not in UTC."""
    wednesday = MONDAY - timedelta(days=5)
    decide(ben, "local", at=wednesday, tokens=12_000)
    decide(ben, "local", at=wednesday, tokens=500)
    decide(ben, "cloud", at=wednesday, tokens=90_000)
    decide(ben, "none", at=wednesday, refusal="no_backend_available")
    decide(aiko, "cloud", at=wednesday)
    decide(ben, "local", at=datetime(2026, 11, 15, 14, 59, tzinfo=UTC), tokens=7)
    decide(ben, "local", at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC), tokens=7)


def told(person: User) -> dict[str, object]:
    return dict(Notice.objects.get(deliveries__person=person).data)


def test_each_person_is_told_of_what_they_may_see(week: None, aiko: User, ben: User, chie: User) -> None:
    assert tell_of_last_week(now=MONDAY) == 2

    own = told(ben)
    assert (own["decisions"], own["local"], own["cloud"], own["refused"]) == (4, 2, 1, 1)
    assert (own["saved_tokens"], own["top_refusal"], own["top_refusals"]) == ("12,500", "no_backend_available", 1)
    assert (own["first_day"], own["last_day"]) == ("2026-11-16", "2026-11-22")
    assert told(aiko)["decisions"] == 5
    assert not Delivery.objects.filter(person=chie).exists()


@pytest.mark.slow
def test_tokens_that_no_model_takes_are_not_counted_and_keep_nobody_from_being_told(week: None, ben: User) -> None:
    for _ in range(1_100):
        decide(ben, "local", at=MONDAY - timedelta(days=5), tokens=2**53)

    assert tell_of_last_week(now=MONDAY) == 2

    assert (told(ben)["local"], told(ben)["saved_tokens"]) == (1_102, "12,500")


def test_a_week_is_told_once_however_often_it_is_asked_for(week: None) -> None:
    tell_of_last_week(now=MONDAY)

    assert tell_of_last_week(now=MONDAY) == 0
    assert tell_of_last_week(now=MONDAY + timedelta(days=3)) == 0
    assert Notice.objects.exclude(subject="2026-W47").count() == 2


def test_the_teams_webhook_gets_the_whole_once(week: None, aiko: User) -> None:
    kinds = ["summary.weekly"]
    wanted = Wanted(Channel.SLACK, name="ops", url="https://hooks.example.org/x", kinds=kinds, language="en")
    destination, _secret = add_destination(wanted=wanted, by=aiko)

    tell_of_last_week(now=MONDAY)

    [delivery] = Delivery.objects.filter(destination=destination)
    assert delivery.notice.data["decisions"] == 5


def test_nobody_is_told_before_eight_and_a_missed_monday_is_made_up_for(week: None) -> None:
    assert tell_of_last_week(now=MONDAY - timedelta(seconds=1)) == 0
    assert tell_of_last_week(now=MONDAY + timedelta(days=2)) == 2


def test_macs_that_nobody_has_seen_for_a_week_are_named(ben: User) -> None:
    machine, _token = join("ben-mini", ben)
    Health.objects.update_or_create(machine=machine, defaults={"seen_at": MONDAY - timedelta(days=8)})
    Machine.objects.update(state="offline")

    tell_of_last_week(now=MONDAY)

    assert told(ben)["stale"] == ["ben-mini"]


def test_who_has_switched_it_off_gets_none(week: None, ben: User) -> None:
    Choice.objects.create(person=ben, muted_by_mail=["summary.weekly"])

    tell_of_last_week(now=MONDAY)

    assert not Delivery.objects.filter(person=ben).exists()


def test_it_is_readable_in_japanese(week: None, ben: User) -> None:
    tell_of_last_week(now=MONDAY)

    wording = put_into_words(Notice.objects.get(deliveries__person=ben), language="ja")

    assert "判定4件" in wording.title
    assert "2026-11-16から2026-11-22まで" in wording.text
    assert "クラウドもローカルモデルも使えない (1)" in wording.text


def test_weeks_end_on_the_organisations_monday_over_new_year() -> None:
    week = last_week(datetime(2027, 1, 3, 15, 30, tzinfo=UTC), zone=TOKYO)

    assert (week.label, week.starts.date().isoformat()) == ("2026-W53", "2026-12-28")
