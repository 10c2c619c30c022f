"""The log's chart and its export: counts of the right days, the rows that the person may see, and nothing that runs."""

import csv
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from machines.models import Machine
from routing.models import Decision
from tests.routing.conftest import ACME

REMOTE = "git@github.com:acme/app.git"


@pytest.fixture
def ask(publish, ben_mini):
    publish(organisation={"time_zone": "Asia/Tokyo"}, unclassified={"identified": "cloud_ok"})

    def ask_at(at=None, *, by=ben_mini, task="architecture-design", remote=REMOTE):
        answer = by.ask({"task": task, "projects": [{"remotes": [remote]}]}).json()
        if at:
            Decision.objects.filter(pk=answer["id"]).update(at=at)
        return answer["id"]

    return ask_at


def table(client: Any, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/decisions/export.csv{query}")
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_a_single_day_is_counted_by_its_hours_in_the_organisations_zone(client_of, aiko, ask):
    ask(datetime(2026, 11, 2, 15, 30, tzinfo=UTC))
    ask(datetime(2026, 11, 3, 1, 0, tzinfo=UTC), task="commit-message")
    ask(datetime(2026, 11, 3, 15, 0, tzinfo=UTC))

    chart = client_of(aiko).get("/decisions/?first_day=2026-11-03&last_day=2026-11-03").context["chart"]

    assert {bar.label: bar.total for bar in chart.bars if bar.total} == {"00:00": 1, "10:00": 1}
    assert [bar.label for bar in chart.bars] == [f"{hour:02}:00" for hour in range(18)]
    assert (chart.is_by_hour, chart.total) == (True, 2)


def test_several_days_are_counted_by_day_and_at_most_three_months_of_them(client_of, aiko, ask):
    ask(datetime(2026, 11, 2, 15, 30, tzinfo=UTC))
    client = client_of(aiko)

    days = client.get("/decisions/?first_day=2026-11-01&last_day=2026-11-05").context["chart"]
    longer = client.get("/decisions/?first_day=1970-01-01&last_day=2026-11-05").context["chart"]

    assert [(bar.label, bar.total) for bar in days.bars][1:4] == [("11-02", 0), ("11-03", 1), ("11-04", 0)]
    assert (len(days.bars), len(longer.bars), str(longer.first_day)) == (5, 91, "2026-08-07")


def test_without_days_the_chart_is_todays_and_follows_the_other_filters(client_of, aiko, ask):
    ask()
    ask(task="commit-message")
    client = client_of(aiko)

    everything = client.get("/decisions/").context["chart"]
    some = client.get("/decisions/?task=commit-message").context["chart"]

    today = timezone.localdate(timezone=ZoneInfo("Asia/Tokyo"))
    assert (everything.first_day, everything.last_day) == (today, today)
    assert (everything.total, some.total) == (2, 1)


def test_the_bars_are_as_tall_as_their_numbers_say(client_of, aiko, ask):
    at = datetime(2026, 11, 3, 1, 0, tzinfo=UTC)
    for moment in (at, at, at, at + timedelta(hours=1)):
        ask(moment)

    response = client_of(aiko).get("/decisions/?first_day=2026-11-03&last_day=2026-11-03")

    heights = [part.height for bar in response.context["chart"].bars for part in bar.parts]
    assert heights[0] == pytest.approx(3 * heights[1], abs=0.2)
    assert "As a table" in response.content.decode()


def test_no_chart_is_drawn_of_nothing(client_of, aiko, publish):
    publish()

    assert '<svg class="chart' not in client_of(aiko).get("/decisions/").content.decode()


def test_the_chart_and_the_export_hold_ones_own_decisions_alone(client_of, ask, chie_air, aiko, ben, chie):
    his, hers = ask(), ask(by=chie_air, remote="https://github.com/other/app")

    rows = {person.name: {row["id"] for row in table(client_of(person))} for person in (aiko, ben, chie)}
    totals = {person.name: client_of(person).get("/decisions/").context["chart"].total for person in (aiko, ben, chie)}

    assert rows == {"Aiko": {his, hers}, "Ben": {his}, "Chie": {hers}}
    assert totals == {"Aiko": 2, "Ben": 1, "Chie": 1}


def test_the_export_keeps_to_the_filters_and_tells_what_the_page_tells(client_of, aiko, publish, ask, ben_mini):
    publish(privacy_rules=[ACME])
    ask()
    ask(remote="https://github.com/other/app")

    (row,) = table(client_of(aiko), "?remote=acme")

    assert {name: row[name] for name in ("answer", "task", "remotes", "class", "rules", "machine", "owner")} == {
        "answer": "local",
        "task": "architecture-design",
        "remotes": "github.com/acme/app",
        "class": "nda",
        "rules": "nda-acme",
        "machine": "ben-mini",
        "owner": "Ben",
    }
    assert (row["launched"], row["decided_by"], row["revision"]) == ("no_receipt", "portal", "2")
    assert row["at"].endswith("Z")


def test_a_name_that_looks_like_a_formula_does_not_run_in_a_spreadsheet(client_of, aiko, ask, ben_mini):
    ask()
    Machine.objects.filter(pk=ben_mini.machine.pk).update(name='=HYPERLINK("https://x.example")')

    (row,) = table(client_of(aiko))

    assert row["machine"] == '\'=HYPERLINK("https://x.example")'


def test_an_export_with_an_odd_filter_is_the_page_that_says_what_is_wrong(client_of, aiko, publish):
    publish()

    response = client_of(aiko).get("/decisions/export.csv?first_day=soon")

    assert response.status_code == 422
    assert "first_day" in response.context["form"].errors


def test_the_decision_page_names_the_task_as_people_do(client_of, ask, ben):
    decision = ask()

    page = client_of(ben).get(f"/decisions/{decision}/").content.decode()

    assert "<h1>Architecture and design</h1>" in page
    assert "Architecture and design goes to the cloud when it may." in page


def test_each_candidate_says_why_it_was_not_chosen(client_of, ask, publish, ben):
    publish(privacy_rules=[ACME])
    decision = ask()

    candidates = client_of(ben).get(f"/decisions/{decision}/").context["candidates"]

    assert [(one.backend, one.is_chosen, one.is_ruled_out) for one in candidates] == [
        ("local", True, False),
        ("cloud", False, True),
    ]
    assert candidates[1].why.startswith("The rule nda-acme applies")


def test_a_remedy_names_the_runtime_that_it_is_about(client_of, ben, ask, ben_mini, publish):
    publish(privacy_rules=[ACME])
    (runtime,) = ben_mini.machine.report["runtimes"]
    report = ben_mini.machine.report | {"runtimes": [{**runtime, "state": "broken", "reason": "timeout"}]}
    Machine.objects.filter(pk=ben_mini.machine.pk).update(report=report)
    decision = ask()

    page = client_of(ben).get(f"/decisions/{decision}/", headers={"Accept-Language": "ja"}).content.decode()

    assert "llama.cpp を起動してから" in page
    assert "（timeout）" not in page
