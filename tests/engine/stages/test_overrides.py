"""Every condition of an override: where it holds, where it does not, and where the fact is unknown."""

from datetime import UTC, datetime
from typing import Any

import pytest

from routing.engine import wire
from routing.engine.answer import Answer, Backend
from routing.engine.decide import decide
from routing.engine.facts import MachineFacts, Situation
from routing.engine.policy.values import When
from tests.engine.conftest import NOW, OTHER, bundle_of, facts_from, policy_of

WEDNESDAY_0930 = NOW

# By key: what `when` asks, then request, state and situation for "holds", "does not hold" and "unknown".
type Case = tuple[object, dict[str, Any], dict[str, Any], dict[str, Any] | None]
CASES: dict[str, Case] = {
    "tasks": (["simple-docs"], {"request": {"task": "simple-docs"}}, {"request": {"task": "technical-docs"}}, None),
    "clients": (
        ["aider", "goose"],
        {"request": {"client": "aider"}},
        {"request": {"client": "claude"}},
        {"request": {"client": None}},
    ),
    "groups": (
        ["platform", "mobile"],
        {"situation": {"groups": ("web", "mobile")}},
        {"situation": {"groups": ()}},
        {"situation": {"groups": None}},
    ),
    "machine_state": (
        ["degraded", "late"],
        {"situation": {"machine_state": "late"}},
        {"situation": {"machine_state": "online"}},
        {"situation": {"machine_state": None}},
    ),
    "cloud_quota_below": (
        0.2,
        {"state": {"cloud_quota_left": 0.19}},
        {"state": {"cloud_quota_left": 0.2}},
        {"state": {"cloud_quota_left": None}},
    ),
    "cloud_available": (
        True,
        {"state": {"cloud_available": True}},
        {"state": {"cloud_available": False}},
        {"state": {"cloud_available": None}},
    ),
    "on_battery": (
        True, {"state": {"on_battery": True}}, {"state": {"on_battery": False}}, {"state": {"on_battery": None}},
    ),
    "low_power": (
        False, {"state": {"low_power": False}}, {"state": {"low_power": True}}, {"state": {"low_power": None}},
    ),
    "memory_pressure_at_least": (
        "warning",
        {"state": {"memory_pressure": "critical"}},
        {"state": {"memory_pressure": "normal"}},
        {"state": {"memory_pressure": None}},
    ),
    "context_over_tokens": (
        30_000, {"request": {"context_tokens": 10_000}}, {"request": {"context_tokens": 7_000}}, None,
    ),
    "time": (
        {"from": "18:00", "to": "19:00", "days": ["wed"]},  # in Tokyo
        {"policy": {"organisation": {"time_zone": "Asia/Tokyo"}}},
        {
            "policy": {"organisation": {"time_zone": "Asia/Tokyo"}},
            "situation": {"now": datetime(2026, 11, 25, 10, 0, tzinfo=UTC)},
        },
        {"policy": {"organisation": {"time_zone": "Nowhere/Unknown"}}},
    ),
}  # fmt: skip


def answer_to(key: str, case: dict[str, Any], *, is_machine_known: bool = True) -> Answer:
    policy = policy_of(
        **case.get("policy", {}), overrides=[{"id": "it", "when": {key: CASES[key][0]}, "prefer": "local"}]
    )
    request = {"task": "multi-file-edit", "client": "claude", "projects": [OTHER], **case.get("request", {})}
    facts: MachineFacts | None = facts_from(state=case.get("state", {})) if is_machine_known else None
    situation = Situation(**{"now": WEDNESDAY_0930, **case.get("situation", {})})
    return decide(wire.request_from_document(request), bundle=bundle_of(policy), facts=facts, situation=situation)


def is_applied(answer: Answer) -> bool:
    return any(reason.code == "override_applied" and reason.rule == "it" for reason in answer.reasons)


def misses(answer: Answer) -> list[tuple[str, str, str]]:
    return [(miss.rule, miss.key, miss.got) for miss in answer.near_misses]


def test_every_key_of_when_is_tried() -> None:
    assert set(CASES) == set(When._fields)


@pytest.mark.parametrize("key", CASES)
def test_override_applies_where_its_condition_holds(key: str) -> None:
    answer = answer_to(key, CASES[key][1])

    assert is_applied(answer)
    assert misses(answer) == []


@pytest.mark.parametrize("key", CASES)
def test_condition_that_does_not_hold_is_a_near_miss(key: str) -> None:
    answer = answer_to(key, CASES[key][2])

    assert not is_applied(answer)
    assert [(rule, failed) for rule, failed, _got in misses(answer)] == [("it", key)]
    assert misses(answer)[0][2] != "unknown"


@pytest.mark.parametrize("key", [key for key, case in CASES.items() if case[3] is not None])
def test_condition_on_an_unknown_fact_does_not_hold_and_says_so(key: str) -> None:
    answer = answer_to(key, CASES[key][3] or {})

    assert not is_applied(answer)
    assert misses(answer) == [("it", key, "unknown")]


@pytest.mark.parametrize(
    "key", ["cloud_quota_below", "cloud_available", "on_battery", "low_power", "memory_pressure_at_least"]
)
def test_nothing_is_known_of_the_state_of_an_unknown_machine(key: str) -> None:
    answer = answer_to(key, CASES[key][1], is_machine_known=False)

    assert misses(answer) == [("it", key, "unknown")]


def test_two_failed_conditions_are_no_near_miss() -> None:
    override = {"id": "it", "when": {"groups": ["web"], "machine_state": ["late"]}, "prefer": "local"}
    bundle = bundle_of(policy_of(overrides=[override]))

    answer = decide(
        wire.request_from_document({"task": "multi-file-edit"}),
        bundle=bundle, facts=facts_from(), situation=Situation(now=NOW, machine_state="online"),
    )  # fmt: skip

    assert (is_applied(answer), misses(answer)) == (False, [])


def test_cloud_that_does_not_answer_is_no_candidate() -> None:
    answer = answer_to("tasks", {"state": {"cloud_available": False}})

    assert answer.backend is Backend.LOCAL
    assert "cloud_unavailable" in [reason.code for reason in answer.reasons]
    blocked = next(one for one in answer.alternatives if one.backend is Backend.CLOUD)
    assert (blocked.blocked_by, blocked.is_hard) == ("cloud_unavailable", True)
    assert blocked.remedy is not None
    assert blocked.remedy.code == "wait_for_cloud"


def test_nothing_is_left_without_cloud_and_model() -> None:
    policy = policy_of()
    facts = facts_from(models=[], state={"cloud_available": False})

    answer = decide(
        wire.request_from_document({"task": "multi-file-edit", "projects": [OTHER]}),
        bundle=bundle_of(policy), facts=facts, situation=Situation(now=NOW),
    )  # fmt: skip

    assert (answer.backend, answer.refusal) == (Backend.NONE, "no_backend_available")


@pytest.mark.parametrize(
    ("cost", "quota_left", "backend"),
    [
        ("high", None, Backend.LOCAL),
        ("high", 0.9, Backend.LOCAL),
        ("low", None, Backend.CLOUD),
        ("low", 0.2, Backend.CLOUD),
        ("low", 0.19, Backend.LOCAL),
    ],
)
def test_either_saves_the_allowance_when_the_task_asks_or_it_runs_out(
    cost: str, quota_left: float | None, backend: Backend
) -> None:
    axes = {"reasoning": "low", "privacy": "low", "latency": "high", "cost": cost}
    policy = policy_of(tasks=[{"id": "simple-docs", "axes": axes}])
    facts = facts_from(state={"cloud_quota_left": quota_left})

    answer = decide(
        wire.request_from_document({"task": "simple-docs", "client": "claude", "projects": [OTHER]}),
        bundle=bundle_of(policy), facts=facts, situation=Situation(now=NOW),
    )  # fmt: skip

    assert answer.backend is backend


@pytest.mark.parametrize(
    ("catalogue", "checks", "backend"),
    [
        (True, {"runtime_version": "b10434", "tool_call": False}, Backend.NONE),
        (False, {"runtime_version": "b10434", "tool_call": True}, Backend.LOCAL),
        (None, {"runtime_version": "b10434", "tool_call": True}, Backend.LOCAL),
        (True, {"runtime_version": "b9999", "tool_call": False}, Backend.LOCAL),
        (False, {"runtime_version": "b9999", "tool_call": True}, Backend.NONE),
        (True, {"runtime_version": "b10434", "tool_call": None}, Backend.LOCAL),
        (False, None, Backend.NONE),
    ],
)
def test_what_was_tried_with_this_runtime_beats_what_is_said_of_the_model(
    catalogue: bool | None, checks: dict[str, object] | None, backend: Backend
) -> None:
    if checks is not None:
        checks = {"system_in_middle": True, "checked_at": "2026-11-25T09:00:00Z"} | checks
    facts = facts_from(models=[{"tools": catalogue, "checks": checks}])

    answer = decide(
        wire.request_from_document({"task": "multi-file-edit", "offline": True, "needs": ["tools"]}),
        bundle=bundle_of(policy_of()), facts=facts, situation=Situation(now=NOW),
    )  # fmt: skip

    assert answer.backend is backend
    assert "tools_unknown" not in [note.code for note in answer.warnings]


def test_hours_at_the_end_of_time_are_not_known() -> None:
    case = {
        "policy": {"organisation": {"time_zone": "Asia/Tokyo"}},
        "situation": {"now": datetime.max.replace(tzinfo=UTC)},
    }

    answer = answer_to("time", case)

    assert (is_applied(answer), [got for _key, _wanted, got in misses(answer)]) == (False, ["unknown"])
