"""The decision log page: filters in the address, and pages that stay put while new rows come in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from routing.log_filter import Cursor
from routing.models import Decision
from routing.queries import PAGE

REMOTE = "git@github.com:acme/app.git"


@pytest.fixture
def ask(publish, ben_mini, chie_air):
    """Ask as Ben's or Chie's Mac; the decision then gets the time that the test wants."""
    publish(unclassified={"identified": "cloud_ok"})

    def ask_at(at=None, *, by=ben_mini, task="commit-message", remote=REMOTE):
        answer = by.ask({"task": task, "projects": [{"remotes": [remote]}]}).json()
        if at:
            Decision.objects.filter(pk=answer["id"]).update(at=at)
        return answer["id"]

    return ask_at


def ids(response: Any) -> list[str]:
    return [str(one.pk) for one in response.context["log"].rows]


def test_filters_hold_together(client_of, aiko, ask, ben_mini, chie_air):
    wanted = ask(remote="https://github.com/Acme/site")
    ask(remote="https://github.com/acme/site", by=chie_air)
    ask(remote="https://github.com/acme/site", task="architecture-design")
    ask(remote="https://github.com/other/app")

    address = f"/decisions/?remote=acme/site&machine={ben_mini.machine.public_id}&task=commit-message&backend=cloud"

    assert ids(client_of(aiko).get(address)) == [wanted]


def test_a_day_begins_at_the_midnight_of_the_organisation(client_of, aiko, ask, publish):
    publish(organisation={"time_zone": "Asia/Tokyo"}, unclassified={"identified": "cloud_ok"})
    midnight = datetime(2026, 11, 2, 15, tzinfo=UTC)
    inside = ask(midnight)
    ask(midnight - timedelta(seconds=1))
    ask(midnight + timedelta(days=1))

    response = client_of(aiko).get("/decisions/?first_day=2026-11-03&last_day=2026-11-03")

    assert ids(response) == [inside]
    assert "2026-11-03" in response.content.decode()


@pytest.mark.parametrize("asked", ["first_day=0001-01-01", "last_day=9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_refused(client_of, aiko, publish, asked):
    publish(organisation={"time_zone": "Asia/Tokyo"})

    response = client_of(aiko).get(f"/decisions/?{asked}")

    assert response.status_code == 422
    assert [list(response.context["form"].errors)] == [[asked.split("=")[0]]]


def test_a_range_of_days_holds_its_first_and_its_last_day_whole(client_of, aiko, ask):
    day = datetime(2026, 11, 3, tzinfo=UTC)
    first, last = ask(day), ask(day + timedelta(days=1, hours=23, minutes=59))
    ask(day - timedelta(seconds=1))
    ask(day + timedelta(days=2))

    response = client_of(aiko).get("/decisions/?first_day=2026-11-03&last_day=2026-11-04")

    assert ids(response) == [last, first]


def test_a_filter_that_says_nothing_shows_its_error_and_no_rows(client_of, aiko, ask):
    ask()
    client = client_of(aiko)

    turned = client.get("/decisions/?first_day=2026-11-04&last_day=2026-11-03")
    unknown = client.get("/decisions/?backend=x&task=%00&machine=m_none")

    assert (turned.status_code, unknown.status_code) == (422, 422)
    assert "The last day is before the first (2026-11-03)" in turned.content.decode().replace(
        "2026-11-04", "2026-11-03"
    )
    assert "log" not in unknown.context


def test_older_and_newer_pages_share_no_row_and_miss_none(client_of, aiko, ask):
    start = datetime(2026, 11, 3, tzinfo=UTC)
    # Many of one moment: the id breaks the tie.
    made = [ask(start + timedelta(minutes=index // 20)) for index in range(PAGE + 10)]
    client = client_of(aiko)

    newest = client.get("/decisions/?backend=cloud")
    cursor = newest.context["log"].rows[-1].cursor
    ask()
    older = client.get(f"/decisions/?backend=cloud&older={cursor}")
    back = client.get(f"/decisions/?newer={older.context['log'].rows[0].cursor}")

    assert len(ids(newest)) == PAGE
    assert set(ids(newest)) | set(ids(older)) == set(made)
    assert not set(ids(newest)) & set(ids(older))
    assert not older.context["log"].has_older
    assert ids(back) == ids(newest)
    assert f"?backend=cloud&amp;older={cursor}" in newest.content.decode()


@pytest.mark.parametrize("text", ["", "x", "20261103T000000.000000Z", "20261103T000000.000000Z_x", "١_\x00"])
def test_a_text_that_is_no_cursor_starts_at_the_newest(text):
    assert Cursor.find(text) is None


def test_a_developer_filters_only_among_their_own(client_of, chie, ask, ben_mini, chie_air):
    ask()
    hers = ask(by=chie_air)
    client = client_of(chie)

    assert ids(client.get("/decisions/?remote=acme")) == [hers]
    assert client.get(f"/decisions/?machine={ben_mini.machine.public_id}").status_code == 422
    assert "ben-mini" not in client.get("/decisions/").content.decode()


def test_htmx_gets_the_rows_alone(client_of, aiko, ask):
    ask()

    part = client_of(aiko).get("/decisions/?remote=nothing", headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in part
    assert "No decision fits these filters." in part
