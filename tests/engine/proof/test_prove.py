"""Proofs find planted holes, call loosening by its name, and pass what is closed."""

from typing import Any

import pytest

from routing.engine.effects import Effect
from routing.engine.policy.values import Policy
from routing.engine.proof.prove import find_loosening, prove_rule
from tests.engine.conftest import NDA_RULE, NOW, OPEN_RULE, bundle_of, policy_of

CLOSED = {"identified": "local_only", "anonymous": "local_only"}
SDK = {
    "id": "sdk", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/public-sdk"]}, "effect": "cloud_ok",
    "expires": "2026-12-31",
}  # fmt: skip
REMOTES_ONLY = NDA_RULE | {"match": {"remotes": ["github.com/acme/**"]}}


def closed(*rules: object, **more: object) -> Policy:
    return policy_of(unclassified=CLOSED, privacy_rules=[*rules, OPEN_RULE], **more)


def test_rule_without_exceptions_is_proved_over_thousands_of_classes() -> None:
    policy = closed(NDA_RULE)

    proof = prove_rule(bundle_of(policy), policy.privacy_rules[0], now=NOW)

    assert proof.counterexample is None
    assert proof.classes > 5_000
    assert {row.words for row in proof.variations} >= {"no remote", "an ssh alias", "a copied folder", "all signals"}


@pytest.mark.parametrize(
    "exception",
    [SDK, SDK | {"match": {"remotes": ["github.com/acme/**"]}}, SDK | {"machines": ["m_1"]}],
    ids=["one repository", "too wide", "one machine"],
)
@pytest.mark.parametrize("rule", [NDA_RULE, REMOTES_ONLY], ids=["all signals", "remotes only"])
def test_exception_is_a_counterexample(rule: dict[str, Any], exception: dict[str, Any]) -> None:
    policy = closed(rule, exceptions=[exception])

    proof = prove_rule(bundle_of(policy), policy.privacy_rules[0], now=NOW)

    assert proof.counterexample is not None
    assert "acme" in proof.counterexample.words
    assert proof.counterexample.machine == (exception.get("machines") or [None])[0]


CROSSING = [
    # Rule, what opens, exception: only together do they say `github.com/hoshizora/sdk`.
    ({"markers": ["acme"]}, "github.com/hoshizora/*", "github.com/*/sdk"),
    ({"markers": ["acme"]}, "github.com/hoshizora/s*", "github.com/*/*k"),
    ({"markers": ["acme"]}, "github.com/*/sdk", "github.com/**/sdk"),
    ({"markers": ["acme"]}, "*.com/hoshizora/**", "github.*/**/sdk"),
]


@pytest.mark.parametrize(("match", "opening", "excepted"), CROSSING)
def test_exception_that_meets_an_opening_rule_crosswise_is_a_counterexample(
    match: dict[str, object], opening: str, excepted: str
) -> None:
    policy = policy_of(
        unclassified=CLOSED,
        privacy_rules=[NDA_RULE | {"match": match}, OPEN_RULE | {"match": {"remotes": [opening]}}],
        exceptions=[SDK | {"match": {"remotes": [excepted]}}],
    )

    proof = prove_rule(bundle_of(policy), policy.privacy_rules[0], now=NOW)

    assert proof.counterexample is not None


def test_exception_of_what_a_remote_is_rewritten_to_is_a_counterexample() -> None:
    mirror = SDK | {"match": {"remotes": ["gitlab.com/mirrors/app"]}}
    mirrors = {"id": "mirrors", "effect": "cloud_ok", "match": {"remotes": ["gitlab.com/mirrors/**"]}}
    policy = closed(REMOTES_ONLY, mirrors, exceptions=[mirror])

    proof = prove_rule(bundle_of(policy), policy.privacy_rules[0], now=NOW)

    assert proof.counterexample is not None
    assert "rewritten to gitlab.com/mirrors/app" in proof.counterexample.words


def test_expired_exception_is_no_counterexample() -> None:
    policy = closed(NDA_RULE, exceptions=[SDK | {"expires": "2026-01-01"}])

    assert prove_rule(bundle_of(policy), policy.privacy_rules[0], now=NOW).counterexample is None


def test_dropping_every_signal_shows_what_the_default_would_answer() -> None:
    open_default = {"identified": "cloud_ok", "anonymous": "cloud_ok"}
    policy = policy_of(unclassified=open_default, privacy_rules=[REMOTES_ONLY])

    rows = {row.words: row.effect for row in prove_rule(bundle_of(policy), policy.privacy_rules[0], now=NOW).variations}

    assert rows["all signals"] is Effect.LOCAL_ONLY
    assert rows["an ssh alias"] is Effect.LOCAL_ONLY
    assert rows["a fork under another name"] is Effect.CLOUD_OK
    assert rows["no remote"] is Effect.CLOUD_OK


@pytest.mark.parametrize(
    "match", [{"root_commits": ["a" * 40]}, {"root_commits": ["a" * 40], "paths": ["~/work/acme/**"]}]
)
def test_a_shallow_clone_of_a_project_known_by_its_first_commit_is_not_identified(match: dict[str, object]) -> None:
    policy = policy_of(
        unclassified={"identified": "cloud_ok", "anonymous": "local_only"}, privacy_rules=[NDA_RULE | {"match": match}]
    )

    rows = {row.words: row.effect for row in prove_rule(bundle_of(policy), policy.privacy_rules[0], now=NOW).variations}

    assert rows["a shallow clone"] is Effect.LOCAL_ONLY
    assert rows["a shallow clone of a fork"] is Effect.LOCAL_ONLY


def opened(kind: str) -> Policy:
    return policy_of(privacy_rules=[OPEN_RULE], unclassified=CLOSED | {kind: "cloud_ok"})


def without(key: str) -> dict[str, Any]:
    return NDA_RULE | {"match": {name: value for name, value in NDA_RULE["match"].items() if name != key}}  # type: ignore[attr-defined]  # a mapping


GROUPS = ("", "/*", "/*/*")
LOOSENINGS = {
    "rule removed": (closed(NDA_RULE), closed()),
    "effect weakened": (closed(NDA_RULE), closed(NDA_RULE | {"effect": "org_only"})),
    "block weakened": (closed(NDA_RULE | {"effect": "block"}), closed(NDA_RULE)),
    "star where subgroups need two": (
        policy_of(privacy_rules=[NDA_RULE | {"match": {"remotes": ["gitlab.com/acme/**"]}}]),
        policy_of(privacy_rules=[NDA_RULE | {"match": {"remotes": ["gitlab.com/acme/*"]}}]),
    ),
    "glob narrowed": (
        policy_of(privacy_rules=[REMOTES_ONLY]),
        policy_of(privacy_rules=[NDA_RULE | {"match": {"remotes": ["github.com/acme/app"]}}]),
    ),
    "star for each group": (
        policy_of(privacy_rules=[NDA_RULE | {"match": {"remotes": ["gitlab.com/acme/**"]}}]),
        policy_of(privacy_rules=[NDA_RULE | {"match": {"remotes": [f"gitlab.com/acme{end}" for end in GROUPS]}}]),
    ),
    "marker narrowed": (
        policy_of(privacy_rules=[NDA_RULE | {"match": {"markers": ["acme*"]}}]),
        policy_of(privacy_rules=[NDA_RULE | {"match": {"markers": ["acmex"]}}]),
    ),
    "rule across what opens removed": (
        closed(NDA_RULE | {"match": {"remotes": ["github.com/*/secret"]}}),
        closed(),
    ),
    "exception across a rule": (
        policy_of(privacy_rules=[NDA_RULE | {"match": {"remotes": ["github.com/*/secret"]}}]),
        policy_of(
            privacy_rules=[NDA_RULE | {"match": {"remotes": ["github.com/*/secret"]}}],
            exceptions=[SDK | {"match": {"remotes": ["github.com/acme/*"]}}],
        ),
    ),
    "marker dropped": (policy_of(privacy_rules=[NDA_RULE]), policy_of(privacy_rules=[without("markers")])),
    "folder dropped": (policy_of(privacy_rules=[NDA_RULE]), policy_of(privacy_rules=[without("paths")])),
    "exception added": (closed(NDA_RULE), closed(NDA_RULE, exceptions=[SDK])),
    "exception for every machine": (
        closed(NDA_RULE, exceptions=[SDK | {"machines": ["m_1"]}]),
        closed(NDA_RULE, exceptions=[SDK]),
    ),
    "exception prolonged": (
        closed(NDA_RULE, exceptions=[SDK | {"expires": "2026-01-01"}]),
        closed(NDA_RULE, exceptions=[SDK]),
    ),
    "exception widened": (
        closed(NDA_RULE, exceptions=[SDK]),
        closed(NDA_RULE, exceptions=[SDK | {"match": {"remotes": ["github.com/acme/*"]}}]),
    ),
    "floor lowered": (closed(), closed(tasks=[{"id": "confidential-code", "floor": None}])),
    "identified opened": (
        closed(),
        policy_of(privacy_rules=[OPEN_RULE], unclassified=CLOSED | {"identified": "cloud_ok"}),
    ),
    "anonymous opened": (
        closed(),
        policy_of(privacy_rules=[OPEN_RULE], unclassified=CLOSED | {"anonymous": "cloud_ok"}),
    ),
    "opening rule widened": (
        closed(),
        policy_of(unclassified=CLOSED, privacy_rules=[OPEN_RULE | {"match": {"remotes": ["github.com/**"]}}]),
    ),
    "opening rule prolonged": (
        policy_of(unclassified=CLOSED, privacy_rules=[OPEN_RULE | {"expires": "2026-01-01"}]),
        closed(),
    ),
}


@pytest.mark.parametrize("name", LOOSENINGS)
def test_planted_hole_is_called_loosening_and_its_repair_is_not(name: str) -> None:
    before, after = (bundle_of(policy) for policy in LOOSENINGS[name])

    loosening = find_loosening(before, after, now=NOW)

    assert loosening is not None
    assert loosening.words
    assert find_loosening(after, before, now=NOW) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (closed(), closed(NDA_RULE)),
        (closed(NDA_RULE), closed(NDA_RULE | {"effect": "block"})),
        (closed(NDA_RULE), closed(NDA_RULE | {"reason": {"en": "other", "ja": ""}})),
        (closed(), closed(overrides=[{"id": "o", "when": {"tasks": ["agent-team"]}, "prefer": "local"}])),
    ],
    ids=["rule added", "effect tightened", "wording", "preference"],
)
def test_what_tightens_or_only_prefers_is_no_loosening(before: Policy, after: Policy) -> None:
    assert find_loosening(bundle_of(before), bundle_of(after), now=NOW) is None
