"""What one machine, and all together, may make the portal do."""

import pytest

from machines import rate
from machines.health import buffer
from machines.health.models import StateChange
from machines.models import Machine
from machines.rate import Sent
from portal.audit.models import AuditEntry
from tests.machines.conftest import BENCHMARK, REPORT, Agent, join

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def within_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("machines.rate._windows.clock", lambda: 0.0)


@pytest.mark.parametrize(
    ("route", "body", "what"),
    [
        ("heartbeats", {"state": None}, Sent.HEARTBEAT),
        ("heartbeats", {"state": None, "announce": "sleep"}, Sent.ANNOUNCEMENT),
        ("benchmarks", {"benchmarks": [BENCHMARK]}, Sent.BENCHMARKS),
        ("reports", REPORT, Sent.REPORT),
        ("token", {}, Sent.ROTATION),
    ],
)
def test_a_flood_of_one_machine_is_turned_away_and_others_are_not(
    agent: Agent, mac: Machine, route: str, body: dict[str, object], what: Sent
) -> None:
    statuses = [agent.post(route, body).status_code for _ in range(what.value)]
    refused = agent.post(route, body)
    other = Agent(agent.client, join("chie-air")[1])

    assert set(statuses) <= {200, 201}
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "rate.limited", "60")
    assert other.post(route, body).status_code in (200, 201)


def test_going_to_sleep_and_waking_all_day_leaves_few_rows(agent: Agent, mac: Machine) -> None:
    for number in range(100):
        agent.post("heartbeats", {"state": None, "announce": ("sleep", "wake")[number % 2]})

    assert StateChange.objects.filter(machine=mac).count() <= Sent.ANNOUNCEMENT.value


def test_asking_for_tokens_all_day_leaves_few_entries(agent: Agent, mac: Machine) -> None:
    for _ in range(50):
        agent.post("token", {})

    assert AuditEntry.objects.filter(action="machine.token_issued").count() == Sent.ROTATION.value


def test_report_that_comes_with_too_many_others_is_asked_for_later_and_its_machine_is_heard(
    agent: Agent, mac: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "REPORTS_PER_MINUTE_OF_ALL", 1)
    other = Agent(agent.client, join("chie-air")[1])
    assert other.post("reports", REPORT).status_code == 200

    later = agent.post("reports", REPORT)
    buffer.flush()

    assert (later.status_code, later.json()["code"]) == (429, "report.later")
    assert 60 <= int(later.headers["Retry-After"]) <= 120
    mac.refresh_from_db()
    assert mac.report is None
    assert mac.last_seen_at is not None
