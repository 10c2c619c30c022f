"""A compiled bundle answers as the bundle that it was made from, and one of another version is not used."""

import pytest
from hypothesis import given, settings

from routing.engine import compiled
from routing.engine.bundle_value import Bundle
from routing.engine.compiled import dump_compiled, load_compiled
from routing.engine.policy import values
from routing.engine.policy.values import Policy
from routing.engine.rules import PrivacyRules
from tests.engine.conftest import NDA_RULE, bundle_of, policy_of
from tests.engine.test_invariants import FACTS, REQUESTS, answer_of, policies
from tests.golden.run import Worlds, read_cases


def reloaded(bundle: Bundle) -> Bundle:
    again = load_compiled(dump_compiled(bundle))
    assert again is not None
    return again


def test_every_golden_case_is_answered_the_same_from_a_compiled_bundle() -> None:
    plain, compiled_worlds = Worlds("routing.engine"), Worlds("routing.engine")
    cases = read_cases()
    for name in {case["policy"] for case in cases}:
        compiled_worlds._bundles[name] = reloaded(plain.bundle(name))

    different = [case["name"] for case in cases if plain.answer(case) != compiled_worlds.answer(case)]

    assert different == []


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(policies(), REQUESTS, FACTS)
def test_any_policy_answers_the_same_compiled(policy: Policy, request: dict[str, object], facts: object) -> None:
    again = reloaded(bundle_of(policy))

    assert answer_of(policy, request, facts) == answer_of(policy, request, facts, bundle=again)  # type: ignore[arg-type]


def test_rules_and_exceptions_come_back_equal() -> None:
    exception = {
        "id": "sdk", "rule": NDA_RULE["id"], "match": {"remotes": ["github.com/acme/sdk"]}, "effect": "cloud_ok",
        "expires": "2026-12-31",
    }  # fmt: skip
    bundle = bundle_of(policy_of(privacy_rules=[NDA_RULE], exceptions=[exception]))

    again = reloaded(bundle)

    assert list(again.policy.privacy_rules) == list(bundle.policy.privacy_rules)
    assert list(again.policy.exceptions) == list(bundle.policy.exceptions)
    assert again.policy.tasks == bundle.policy.tasks
    assert again.rules.protected_folders.patterns == bundle.rules.protected_folders.patterns
    assert isinstance(again.rules, PrivacyRules)


def test_recommendations_by_memory_come_back_equal() -> None:
    by_memory = [{"models": ["gpt-oss-20b"], "below_gb": 64}, {"models": ["gpt-oss-120b"], "from_gb": 64}]
    bundle = bundle_of(policy_of(models={"recommended_by_memory": by_memory}))

    assert reloaded(bundle).policy.models == bundle.policy.models


def test_every_value_of_a_policy_can_come_back() -> None:
    # A moment is of a question, never of a policy.
    declared = {name for name, kind in vars(values).items() if isinstance(kind, type) and hasattr(kind, "_fields")}

    assert declared - set(compiled._MAKERS) == {"Moment"}


def test_one_of_another_engine_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    content = dump_compiled(bundle_of(policy_of()))

    monkeypatch.setattr(compiled, "ENGINE_VERSION", "0.0.1")

    assert load_compiled(content) is None


@pytest.mark.parametrize("content", [b"", b"nothing", b"i\x01\x00\x00\x00"])
def test_what_is_no_compiled_bundle_is_not_used(content: bytes) -> None:
    assert load_compiled(content) is None
