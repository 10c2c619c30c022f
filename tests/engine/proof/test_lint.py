"""Hints on valid policies: each planted oddity is named, and a tidy policy gets none."""

import pytest

from routing.engine.explain import TEXTS
from routing.engine.policy.values import Policy
from routing.engine.proof.lint import Finding, lint
from tests.engine.conftest import NDA_RULE, NOW, OPEN_RULE, bundle_of, policy_of

APP = NDA_RULE | {"id": "app", "match": {"remotes": ["github.com/acme/app"]}}
SDK = {
    "id": "sdk", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/sdk"]}, "effect": "cloud_ok",
    "expires": "2026-12-31",
}  # fmt: skip


def override(name: str, **when: object) -> dict[str, object]:
    return {"id": name, "when": when, "prefer": "local"}


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        (policy_of(privacy_rules=[OPEN_RULE | {"expires": "2026-01-01"}]), Finding("lint_expired", "ours")),
        (policy_of(privacy_rules=[NDA_RULE | {"review_by": "2026-01-01"}]), Finding("lint_overdue", "nda-acme")),
        (
            policy_of(privacy_rules=[OPEN_RULE | {"match": {"remotes": ["github.com/**"]}}]),
            Finding("lint_whole_host", "ours"),
        ),
        (
            policy_of(privacy_rules=[NDA_RULE | {"match": {"labels": ["falcon"]}}]),
            Finding("lint_labels_alone", "nda-acme"),
        ),
        (policy_of(privacy_rules=[NDA_RULE, APP]), Finding("lint_redundant", "app", "nda-acme")),
        (policy_of(privacy_rules=[APP, APP | {"id": "twin"}]), Finding("lint_redundant", "twin", "app")),
        (
            policy_of(privacy_rules=[NDA_RULE, OPEN_RULE | {"match": {"remotes": ["github.com/acme/open"]}}]),
            Finding("lint_never_opens", "ours", "nda-acme"),
        ),
        (
            policy_of(privacy_rules=[NDA_RULE], exceptions=[SDK | {"expires": "2026-01-01"}]),
            Finding("lint_expired", "sdk"),
        ),
        (
            policy_of(privacy_rules=[NDA_RULE], exceptions=[SDK | {"match": {"remotes": ["gitlab.com/acme/sdk"]}}]),
            Finding("lint_excepts_nothing", "sdk", "nda-acme"),
        ),
        (
            policy_of(tasks=[{"id": "agent-team", "retired": True}], overrides=[override("old", tasks=["agent-team"])]),
            Finding("lint_only_retired", "old"),
        ),
        (
            policy_of(
                overrides=[
                    override("all", context_over_tokens=1000),
                    override("some", context_over_tokens=2000, tasks=["agent-team"]),
                ]
            ),
            Finding("lint_never_fires", "some", "all"),
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Finding) else "",
)
def test_planted_oddity_is_the_only_finding(policy: Policy, finding: Finding) -> None:
    assert lint(bundle_of(policy), now=NOW) == [finding]
    assert finding.code in TEXTS


def test_tidy_policy_has_no_findings() -> None:
    policy = policy_of(
        privacy_rules=[NDA_RULE, APP | {"effect": "block"}, OPEN_RULE],
        exceptions=[SDK],
        overrides=[override("narrow", context_over_tokens=2000), override("wide", context_over_tokens=1000)],
    )

    assert lint(bundle_of(policy), now=NOW) == []


@pytest.mark.parametrize(
    ("match", "excepted"),
    [
        ({"markers": ["acme"]}, "github.com/hoshizora/sdk"),
        ({"remotes": ["github.com/acme/sdk"]}, "github.com/acme/*"),
        ({"remotes": ["github.com/*/sdk"]}, "github.com/acme/*"),
        ({"remotes": ["github.com/Acme/"]}, "github.com/acme/sdk"),
    ],
)
def test_exception_that_excepts_something_is_no_finding(match: dict[str, object], excepted: str) -> None:
    policy = policy_of(
        privacy_rules=[NDA_RULE | {"match": match}], exceptions=[SDK | {"match": {"remotes": [excepted]}}]
    )

    assert lint(bundle_of(policy), now=NOW) == []
