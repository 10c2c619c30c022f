"""What agents send: reports, heartbeats, benchmarks; and what programs may read."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from machines.health import buffer
from machines.health.standing import revoke_machine
from machines.models import Benchmark, InstalledModel, Machine, Runtime
from machines.queries import find_facts
from portal.accounts.models import ApiToken, Scope, User
from portal.accounts.tokens import issue_service_token
from portal.audit.services import OPERATOR
from tests.machines.conftest import BENCHMARK, REPORT, Agent, join

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def report(**changes: Any) -> dict[str, Any]:
    return {**deepcopy(REPORT), **changes}


def test_report_is_answered_in_the_agreed_shape_and_shown_by_the_api(agent: Agent, mac: Machine) -> None:
    answer = agent.post("reports", REPORT)

    asked = {"heartbeat_s": 60, "report_s": 600, "policy_revision": 0, "policy_epoch": 1, "rotate_token": False}
    assert answer.json() == {"machine": mac.public_id, "agents_port": None, **asked}
    mac.refresh_from_db()
    assert (mac.state, mac.gpu_cores, mac.memory_bytes) == ("online", 20, 68719476736)
    assert Runtime.objects.get(kind="ollama").reason == "timeout"
    assert InstalledModel.objects.get(name="tiny").effective_context_tokens == 4096


def test_report_replaces_the_inventory_of_the_one_before(agent: Agent) -> None:
    agent.post("reports", REPORT)

    agent.post("reports", report(runtimes=[], collected_at="2026-11-25T00:00:01Z"))

    assert not Runtime.objects.exists()
    assert not InstalledModel.objects.exists()


def test_older_report_never_overwrites_a_newer_one(agent: Agent, mac: Machine) -> None:
    agent.post("reports", REPORT)

    answer = agent.post("reports", report(runtimes=[], collected_at="2026-11-24T23:59:59Z"))

    assert answer.status_code == 200
    assert Runtime.objects.count() == 2
    mac.refresh_from_db()
    assert mac.collected_at == datetime(2026, 11, 25, tzinfo=UTC)


def test_clock_that_ran_ahead_does_not_keep_later_reports_out(agent: Agent) -> None:
    agent.post("reports", report(collected_at="2999-01-01T00:00:00Z"))
    later = (timezone.now() + timedelta(seconds=1)).isoformat()

    agent.post("reports", report(runtimes=[], collected_at=later))

    assert not Runtime.objects.exists()


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_times_that_no_clock_shows_are_refused_by_their_field(agent: Agent, time: str) -> None:
    answer = agent.post("reports", report(collected_at=time))

    assert (answer.status_code, answer.json()["field"]) == (400, "collected_at")
    assert agent.post("benchmarks", {"benchmarks": [{**BENCHMARK, "measured_at": time}]}).status_code == 400


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"owner": "u_1"}, "owner"),
        ({"machine": "m_other"}, "machine"),
        ({"schema": 2}, "schema"),
        ({"collected_at": "yesterday"}, "collected_at"),
        ({"runtimes": [{"kind": "vllm", "base_url": "http://x", "state": "up"}]}, "runtimes[0].kind"),
        ({"runtimes": [REPORT["runtimes"][1]] * 2}, "runtimes[1].base_url"),
        ({"runtimes": [{**REPORT["runtimes"][1], "base_url": "http://u:canary@127.0.0.1"}]}, "runtimes[0].base_url"),
        ({"runtimes": [{**REPORT["runtimes"][1], "base_url": "http://127.0.0.1:99999"}]}, "runtimes[0].base_url"),
        ({"runtimes": [{**REPORT["runtimes"][0], "models": [{"name": "a"}] * 2}]}, "runtimes[0].models[1].name"),
        ({"runtimes": [{**REPORT["runtimes"][0], "models": [{"name": "x" * 301}]}]}, "runtimes[0].models[0].name"),
        ({"runtimes": [REPORT["runtimes"][1]] * 17}, "runtimes"),
        ({"hardware": {**REPORT["hardware"], "memory_bytes": 2**70}}, "hardware.memory_bytes"),
        ({"hardware": {**REPORT["hardware"], "hostname": "x"}}, "hardware.hostname"),
    ],
)
def test_report_outside_the_shape_is_refused_whole(
    agent: Agent, mac: Machine, changes: dict[str, object], field: str
) -> None:
    answer = agent.post("reports", report(**changes))

    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert b"canary" not in answer.content
    mac.refresh_from_db()
    assert (mac.report, mac.last_seen_at) == (None, None)


@pytest.mark.parametrize("path", ["reports", "heartbeats", "benchmarks", "enrolments", "enrolments/poll"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{", 400),
        (b'{"a": 1, "a": 2}', 400),
        (b'{"name": "\\u0000"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": NaN}', 400),
        (b'{"name": 1e999}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000 + b"]" * 100_000, 413),
        (b"[" * 30_000, 400),
        (b'{"name": "' + b"x" * 2**20 + b'"}', 413),
    ],
)
def test_bad_bodies_are_told_as_problems_and_store_nothing(
    agent: Agent, mac: Machine, path: str, body: bytes, status: int
) -> None:
    answer = agent.client.post(
        f"/api/v1/{path}", body, content_type="application/json", headers={"Authorization": f"Bearer {agent.token}"}
    )

    # Reports may be larger: there the nesting is told, not the size.
    assert answer.status_code in ({status} if path != "reports" else {400, status})
    assert answer.headers["Content-Type"] == "application/problem+json"
    mac.refresh_from_db()
    assert mac.last_seen_at is None


def test_report_of_a_mebibyte_is_read_and_one_byte_more_is_413(agent: Agent) -> None:
    text = '{"schema": 1, "padding": "' + "x" * (2**20 - 28) + '"}'
    assert len(text) == 2**20

    answers = [
        agent.client.post(
            "/api/v1/reports",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {agent.token}"},
        )
        for body in (text, text + " ")
    ]

    assert [answer.status_code for answer in answers] == [400, 413]


def test_heartbeat_says_when_to_report_and_makes_no_row(agent: Agent, mac: Machine) -> None:
    with time_machine.travel(NOW, tick=False):
        first = agent.post("heartbeats", {"state": {"on_battery": True}}).json()
        agent.post("reports", REPORT)
        second = agent.post("heartbeats", {"state": None}).json()

    assert first == {
        "heartbeat_s": 60,
        "report_wanted": True,
        "policy_revision": 0,
        "policy_epoch": 1,
        "server_time": "2026-11-25T09:00:00Z",
        "agents_port": None,
    }
    assert second["report_wanted"] is False
    mac.refresh_from_db()
    assert (mac.last_seen_at, mac.state) == (NOW, "online")


def test_heartbeat_refreshes_the_situation_in_the_facts(agent: Agent, mac: Machine) -> None:
    agent.post("reports", REPORT)
    agent.post("heartbeats", {"state": {"memory_pressure": "critical", "on_battery": True}})
    buffer.flush()
    mac.refresh_from_db()

    stored = find_facts(mac)

    assert stored.facts is not None
    assert (stored.facts.state.memory_pressure, stored.facts.state.is_on_battery) == ("critical", True)


@pytest.mark.parametrize("body", [{}, {"state": {"users": []}}, {"state": 1}, {"state": None, "x": 1}])
def test_heartbeat_outside_the_shape_is_refused(agent: Agent, body: object) -> None:
    assert agent.post("heartbeats", body).status_code == 400


def test_benchmarks_sent_twice_are_stored_once(agent: Agent) -> None:
    answers = [agent.post("benchmarks", {"benchmarks": [BENCHMARK]}).json() for _ in range(2)]

    assert answers == [{"stored": 1}, {"stored": 1}]
    assert Benchmark.objects.get().decode_tokens_per_s == 310


def test_a_benchmark_tells_how_sure_it_is_and_what_the_machine_was_under(agent: Agent, mac: Machine) -> None:
    conditions = {"prompt_spread": 0.012, "decode_spread": 0.4, "memory_pressure": "warning", "on_battery": True}

    assert agent.post("benchmarks", {"benchmarks": [BENCHMARK | conditions]}).json() == {"stored": 1}

    stored = Benchmark.objects.get()
    assert {name: getattr(stored, name) for name in conditions} == conditions
    assert stored.low_power is None


@pytest.mark.parametrize(
    "benchmarks",
    [[], [BENCHMARK] * 51, [{**BENCHMARK, "runs": 0}], [{**BENCHMARK, "x": 1}], [{**BENCHMARK, "decode_spread": -1}]],
)
def test_benchmarks_outside_the_shape_are_refused(agent: Agent, benchmarks: list[object]) -> None:
    assert agent.post("benchmarks", {"benchmarks": benchmarks}).status_code == 400
    assert not Benchmark.objects.exists()


def test_facts_hold_what_was_reported_and_their_age_by_the_portals_clock(agent: Agent, mac: Machine) -> None:
    with time_machine.travel(NOW, tick=False):
        agent.post("reports", REPORT)
        agent.post("benchmarks", {"benchmarks": [BENCHMARK]})
    mac.refresh_from_db()
    with time_machine.travel(NOW + timedelta(seconds=42), tick=False):
        stored = find_facts(mac)

    assert stored.age_s == 42
    assert stored.facts is not None
    assert stored.facts.machine == mac.public_id
    assert [runtime.kind for runtime in stored.facts.runtimes] == ["llama_cpp", "ollama"]
    assert stored.facts.benchmarks[0].decode_tokens_per_s == 310


def test_machine_that_never_reported_has_no_facts(mac: Machine) -> None:
    stored = find_facts(mac)

    assert (stored.facts, stored.age_s) == (None, None)


def test_a_stored_report_that_would_be_refused_today_counts_as_none(agent: Agent, mac: Machine) -> None:
    agent.post("reports", REPORT)
    mac.refresh_from_db()
    assert mac.report is not None
    mac.report["agent_version"] = "0.1\u202e.0"

    stored = find_facts(mac)

    assert (stored.facts, stored.age_s) == (None, None)


def test_report_extends_the_token(agent: Agent, mac: Machine) -> None:
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))

    agent.post("reports", REPORT)

    assert ApiToken.objects.get(machine=mac).expires_at > timezone.now() + timedelta(days=89)


def test_revoked_machine_is_refused_with_its_next_request(agent: Agent, mac: Machine, ben: User) -> None:
    revoke_machine(machine=mac, by=ben)

    answer = agent.post("heartbeats", {"state": None})

    assert (answer.status_code, answer.json()["code"]) == (401, "token.revoked")


@pytest.mark.parametrize("path", ["reports", "heartbeats", "benchmarks"])
def test_only_machine_tokens_write(stranger: Agent, path: str) -> None:
    admin = issue_service_token(name="x", scope=Scope.ADMIN, by=None, actor=OPERATOR)

    assert stranger.post(path, {}).json()["code"] == "token.missing"
    refused = Agent(stranger.client, admin.text).post(path, {})
    assert (refused.status_code, refused.json()["code"]) == (403, "token.scope_missing")


def test_programs_with_the_scope_read_list_machines_and_nobody_else_does(agent: Agent, mac: Machine) -> None:
    agent.post("reports", REPORT)
    reader = Agent(agent.client, issue_service_token(name="x", scope=Scope.READ, by=None, actor=OPERATOR).text)

    listed = reader.get("machines").json()
    one = reader.get(f"machines/{mac.public_id}").json()

    assert listed["next"] is None
    assert [(row["id"], row["name"], row["state"]) for row in listed["results"]] == [
        (mac.public_id, "ben-mini", "online")
    ]
    assert one["runtimes"][0]["models"][1]["name"] == "tiny"
    assert one["absences"] == REPORT["absences"]
    assert "token" not in one
    assert agent.get("machines").json()["code"] == "token.scope_missing"
    assert Agent(agent.client).get("machines").status_code == 401
    assert reader.get("machines/m_0000").status_code == 404
    assert reader.get("machines?cursor=cD0lMDA%3D").json()["code"] == "cursor.invalid"
    assert reader.get("machines?colour=red").json()["field"] == "colour"


def test_list_of_machines_takes_the_same_queries_for_one_and_for_many(
    stranger: Agent, django_assert_num_queries: Any
) -> None:
    reader = Agent(stranger.client, issue_service_token(name="x", scope=Scope.READ, by=None, actor=OPERATOR).text)
    for _ in range(3):
        join("mini")
    reader.get("machines")

    with django_assert_num_queries(2):  # the token, and the machines with their owners
        assert len(reader.get("machines").json()["results"]) == 3


def models(count: int, *, per_runtime: int = 400) -> list[dict[str, object]]:
    """Runtimes that have so many together."""
    numbers = range(count)
    return [
        {
            "kind": "ollama",
            "base_url": f"http://127.0.0.1:{1024 + start}",
            "state": "up",
            "models": [{"name": f"m-{number}", "remote": False} for number in numbers[start : start + per_runtime]],
        }
        for start in range(0, count, per_runtime)
    ]


@pytest.mark.slow
def test_report_with_more_models_than_anybody_has_is_refused_and_stores_nothing(agent: Agent, mac: Machine) -> None:
    refused = agent.post("reports", report(runtimes=models(1_001)))
    assert (refused.status_code, refused.json()["code"]) == (400, "report.too_many_models")
    assert not mac.runtimes.exists()

    assert agent.post("reports", report(runtimes=models(1_000))).status_code == 200


def test_inventory_that_did_not_change_is_not_written_again(agent: Agent, mac: Machine) -> None:
    agent.post("reports", report(collected_at="2026-11-25T00:00:00Z"))
    before = list(mac.runtimes.values_list("pk", flat=True))

    agent.post("reports", report(collected_at="2026-11-25T00:10:00Z"))
    assert list(mac.runtimes.values_list("pk", flat=True)) == before

    agent.post("reports", report(collected_at="2026-11-25T00:20:00Z", runtimes=[]))
    assert not mac.runtimes.exists()
    mac.refresh_from_db()
    assert mac.report is not None
    assert mac.report["runtimes"] == []
