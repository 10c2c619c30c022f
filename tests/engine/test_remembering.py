"""What the engine keeps between decisions never shows in an answer: what was asked before does not matter."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine import wire
from routing.engine.answer import Answer, Envelope
from routing.engine.bundle_value import Bundle
from routing.engine.decide import _settle_once, decide
from routing.engine.effects import Effect
from routing.engine.facts import MachineFacts, Situation
from routing.engine.policy.values import Policy
from routing.engine.rules import PrivacyRules
from tests.engine.conftest import (
    ACME,
    KEPT,
    NDA_RULE,
    NOW,
    OPEN_RULE,
    OTHER,
    OURS,
    bundle_of,
    facts_from,
    forget,
    policy_of,
    unpacked_bundle,
)
from tests.engine.test_invariants import FACTS, PROJECTS, REQUESTS, policies

ASKED = st.tuples(REQUESTS, FACTS, st.sampled_from(["fresh", "stale", "expired"]), st.integers(0, 400))


def answer_bytes(
    bundle: Bundle, request: dict[str, Any], facts: MachineFacts | None, state: str = "fresh", days: int = 0
) -> bytes:
    moment = NOW + timedelta(days=days)
    situation = Situation(now=moment, policy_state=state, facts_age_s=1)  # type: ignore[arg-type]
    answer = decide(wire.request_from_document(request), bundle=bundle, facts=facts, situation=situation)
    envelope = Envelope("", moment, "test", 0, state, 1, "test")
    return wire.canonical_answer(wire.answer_document(answer, envelope, language="en"))


@pytest.mark.slow
@given(policies(), st.lists(ASKED, min_size=2, max_size=5))
def test_answer_is_the_same_whatever_was_asked_before(
    policy: Policy, asked: list[tuple[dict[str, Any], MachineFacts | None, str, int]]
) -> None:
    bundle = unpacked_bundle(policy)
    one_after_another = [answer_bytes(bundle, *one) for one in [*asked, *reversed(asked)]][len(asked) :]

    alone = []
    for one in reversed(asked):
        forget()
        alone.append(answer_bytes(unpacked_bundle(policy), *one))

    assert one_after_another == alone


@st.composite
def ending_policies(draw: st.DrawFn) -> Policy:
    """With rules and exceptions that end, and exceptions of one machine."""
    policy = draw(policies())
    days = st.sampled_from([date(2026, 11, 24), date(2026, 11, 25), date(2027, 1, 1)])
    machines = st.sampled_from([(), ("m_1",), ("m_1", "m_2")])
    rules = [
        rule._replace(expires=draw(st.none() | days)) if rule.effect is Effect.CLOUD_OK else rule
        for rule in policy.privacy_rules
    ]
    exceptions = [one._replace(expires=draw(days), machines=draw(machines)) for one in policy.exceptions]
    return policy._replace(privacy_rules=tuple(rules), exceptions=tuple(exceptions))


JUDGED = st.tuples(PROJECTS, st.integers(0, 2), st.sampled_from([None, "m_1", "m_2"]), st.booleans())


def verdict_of(
    rules: PrivacyRules, project: dict[str, Any], days: int, machine: str | None, is_expired: bool
) -> tuple[object, ...]:
    (asked,) = wire.request_from_document({"task": "x", "projects": [project]}).projects
    now = NOW + timedelta(days=days)
    ruling, misses = rules.judge_project(asked, now=now, machine=machine, is_expired=is_expired)
    return ruling.effect, ruling.classification, ruling.findings, misses


@pytest.mark.slow
@given(ending_policies(), st.lists(JUDGED, min_size=2, max_size=6), st.booleans())
def test_project_is_judged_the_same_whatever_was_judged_before(
    policy: Policy, asked: list[tuple[dict[str, Any], int, str | None, bool]], is_indexed: bool
) -> None:
    rules = PrivacyRules.of(policy, is_indexed=is_indexed)
    one_after_another = [verdict_of(rules, *one) for one in [*asked, *reversed(asked)]][len(asked) :]

    alone = [verdict_of(PrivacyRules.of(policy, is_indexed=is_indexed), *one) for one in reversed(asked)]

    assert one_after_another == alone


def ask(bundle: Bundle, project: dict[str, Any], *, now: datetime = NOW, **changes: Any) -> Answer:
    facts = changes.pop("facts", facts_from())
    situation = Situation(now=now, policy_state=changes.pop("policy_state", "fresh"), facts_age_s=3)
    document = {"task": "multi-file-edit", "client": "claude", "projects": [project], **changes}
    request = wire.request_from_document(document)
    return decide(request, bundle=bundle, facts=facts, situation=situation)


def test_same_question_is_worked_out_once() -> None:
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE]))

    first, again = ask(bundle, ACME), ask(bundle, {**ACME, "paths": ["~/elsewhere"]})

    assert first == again
    assert first.launch is again.launch
    assert _settle_once.cache_info().hits == 1


def test_who_changes_a_document_changes_no_later_answer() -> None:
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE]))
    envelope = Envelope("id", NOW, "portal", 0, "fresh", 3, "portal")

    def document() -> dict[str, Any]:
        return wire.answer_document(ask(bundle, ACME), envelope, language="en")

    before = wire.encode(document())
    _overwrite(document())

    assert wire.encode(document()) == before


def _overwrite(value: Any) -> None:
    if isinstance(value, list):
        list(map(_overwrite, value))
        value.append("overwritten")
    elif isinstance(value, dict):
        list(map(_overwrite, value.values()))
        value.update(dict.fromkeys(value, "overwritten"))


def test_time_alone_makes_no_other_work_where_no_override_asks_for_it() -> None:
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE]))

    ask(bundle, ACME)
    ask(bundle, ACME, now=NOW + timedelta(hours=5))

    assert _settle_once.cache_info().misses == 1


def test_known_project_is_read_once_and_a_new_policy_reads_it_again() -> None:
    closed = bundle_of(policy_of(privacy_rules=[NDA_RULE]))
    opened = bundle_of(policy_of(), revision=2)

    told = [ask(bundle, ACME).privacy.effect for bundle in (closed, closed, opened)]

    assert told == ["local_only", "local_only", "cloud_ok"]
    assert closed.rules._know_once.cache_info().hits == 1


def test_projects_that_meet_the_same_rules_are_ruled_once() -> None:
    rules = bundle_of(policy_of(privacy_rules=[NDA_RULE])).rules
    projects = [{"remotes": [f"git@github.com:acme/{name}.git"]} for name in ("app", "site", "tool")]

    told = {verdict_of(rules, project, 0, None, False)[:2] for project in projects}

    assert told == {("local_only", "nda")}
    assert (rules._rule_once.cache_info().misses, rules._rule_once.cache_info().hits) == (1, 2)


def test_what_is_kept_has_an_end() -> None:
    rules = bundle_of(policy_of()).rules
    sizes = [kept.cache_info().maxsize for kept in (*KEPT, rules._know_once, rules._rule_once)]

    assert all(size is not None and 0 < size <= 1024 for size in sizes)


def test_exception_ends_for_a_project_that_is_known() -> None:
    exception = {
        "id": "e", "rule": "nda-acme", "effect": "cloud_ok", "expires": "2026-11-26",
        "match": {"remotes": ["github.com/acme/**"]},
    }  # fmt: skip
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE], exceptions=[exception]))

    told = [ask(bundle, ACME, now=NOW + timedelta(days=day)).privacy.effect for day in (0, 1, 2)]

    assert told == ["cloud_ok", "cloud_ok", "local_only"]


def test_rule_that_opens_ends_for_a_project_that_is_known() -> None:
    bundle = bundle_of(policy_of(privacy_rules=[OPEN_RULE | {"expires": "2026-11-26"}]))

    told = [ask(bundle, OURS, now=NOW + timedelta(days=day)).privacy.classification for day in (0, 1, 2, 0)]

    assert told == ["open", "open", "unclassified", "open"]


def test_policy_that_expires_closes_a_project_that_is_known() -> None:
    bundle = bundle_of(policy_of(unclassified={"identified": "cloud_ok", "anonymous": "local_only"}))

    told = [ask(bundle, OTHER, policy_state=state).privacy.effect for state in ("fresh", "expired", "stale")]

    assert told == ["cloud_ok", "local_only", "cloud_ok"]


def test_exception_of_one_machine_is_not_taken_for_another() -> None:
    exception = {
        "id": "e", "rule": "nda-acme", "effect": "cloud_ok", "expires": "2027-01-01",
        "machines": ["m_0000000000000001"], "match": {"remotes": ["github.com/acme/**"]},
    }  # fmt: skip
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE], exceptions=[exception]))

    told = [ask(bundle, ACME, machine=f"m_000000000000000{number}").privacy.effect for number in (1, 2, 1)]

    assert told == ["cloud_ok", "local_only", "cloud_ok"]


def test_exception_of_a_named_remote_opens_no_project_that_meets_the_rule_by_a_marker() -> None:
    exception = {
        "id": "e", "rule": "nda-acme", "effect": "cloud_ok", "expires": "2027-01-01",
        "match": {"remotes": ["github.com/**"]},
    }  # fmt: skip
    closed = {"identified": "local_only", "anonymous": "local_only"}
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE], exceptions=[exception], unclassified=closed))
    marked = {"remotes": ["git@github.com:other/app.git"], "markers": ["acme"]}

    told = [ask(bundle, project).privacy.effect for project in (ACME, marked, ACME)]

    assert told == ["cloud_ok", "local_only", "cloud_ok"]


def test_rule_becomes_overdue_for_a_project_that_is_known() -> None:
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE | {"review_by": "2026-11-26"}]))

    told = [[note.code for note in ask(bundle, ACME, now=NOW + timedelta(days=day)).warnings] for day in (0, 2, 0)]

    assert ["rule_overdue" in codes for codes in told] == [False, True, False]


def test_next_report_of_a_machine_counts() -> None:
    bundle = bundle_of(policy_of())

    told = [
        ask(bundle, OURS, facts=facts_from(state={"cloud_available": available})).backend
        for available in (True, False, True)
    ]

    assert told == ["cloud", "local", "cloud"]


def test_report_that_differs_in_nothing_that_counts_is_worked_out_once() -> None:
    bundle = bundle_of(policy_of())
    first = facts_from(state={"memory_available_bytes": 16 * 10**9, "swap_used_bytes": 0})
    other = facts_from(state={"memory_available_bytes": 2 * 10**9, "swap_used_bytes": 10**9})

    told = [ask(bundle, OURS, facts=facts) for facts in (first, other._replace(machine="m_0000000000000001"))]

    assert [answer.machine for answer in told] == ["m_0000000000000000", "m_0000000000000001"]
    assert told[0] == told[1]._replace(machine=told[0].machine)
    assert _settle_once.cache_info().misses == 1


def with_quota(left: float | None) -> MachineFacts:
    return facts_from(state={"cloud_quota_left": left})


def test_allowance_counts_by_whether_it_is_nearly_spent() -> None:
    axes = {"reasoning": "low", "privacy": "low", "latency": "high", "cost": "low"}
    bundle = bundle_of(policy_of(tasks=[{"id": "simple-docs", "axes": axes}]))

    told = [ask(bundle, OTHER, task="simple-docs", facts=with_quota(left)) for left in (0.9, 0.2, 0.19, 0, None)]

    assert [answer.backend for answer in told] == ["cloud", "cloud", "local", "local", "cloud"]
    assert _settle_once.cache_info().misses == 3


def test_allowance_is_told_as_it_is_where_an_override_asks_for_it() -> None:
    when = {"cloud_quota_below": 0.5}
    bundle = bundle_of(policy_of(overrides=[{"id": "saving", "when": when, "prefer": "local"}]))

    told = [ask(bundle, OURS, facts=with_quota(left)) for left in (0.9, 0.6, 0.4)]

    assert [[miss.got for miss in answer.near_misses] for answer in told] == [["0.9"], ["0.6"], []]
    assert [any(reason.rule == "saving" for reason in answer.reasons) for answer in told] == [False, False, True]


def test_hours_of_an_override_come_and_go() -> None:
    evening = {"time": {"from": "18:00", "to": "22:00", "days": ["wed"]}}
    bundle = bundle_of(policy_of(overrides=[{"id": "evening", "when": evening, "prefer": "local"}]))
    times = ((17, 59), (18, 0), (21, 59), (22, 0), (19, 30))
    hours = [datetime(2026, 11, 25, hour, minute, tzinfo=UTC) for hour, minute in times]

    told = [any(reason.rule == "evening" for reason in ask(bundle, OURS, now=hour).reasons) for hour in hours]

    assert told == [False, True, True, False, True]


def test_minus_zero_is_told_as_zero() -> None:
    bundle = unpacked_bundle(policy_of(privacy_rules=[NDA_RULE]))
    request = {"task": "multi-file-edit", "projects": [ACME]}

    told = {answer_bytes(bundle, request | {"deadline_s": zero}, facts_from()) for zero in (-0.0, 0.0, 0)}

    assert len(told) == 1
