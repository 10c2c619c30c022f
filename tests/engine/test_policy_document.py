"""Policy documents: defaults, every problem at once, and a lossless way back."""

import json

import pytest

from routing.engine.effects import Effect
from routing.engine.errors import PolicyErrors
from routing.engine.policy_document import parse_policy, policy_document
from tests.engine.conftest import NDA_RULE, OPEN_RULE, SHIPPED, policy_of


def test_empty_policy_is_the_shipped_one() -> None:
    policy = policy_of()

    assert len(policy.tasks) == 13
    assert (policy.identified, policy.anonymous) == (Effect.CLOUD_OK, Effect.LOCAL_ONLY)
    assert policy.privacy_rules == ()


def test_document_of_a_policy_reads_back_as_the_same_policy() -> None:
    policy = policy_of(
        privacy_rules=[NDA_RULE | {"review_by": "2027-03-31"}, OPEN_RULE | {"expires": "2027-01-01"}],
        overrides=[
            {"id": "night", "when": {"time": {"from": "22:00", "to": "06:00", "days": ["mon"]}}, "prefer": "local"}
        ],
        cases=[
            {"name": "never leaves", "task": "agent-team", "projects": [{"remotes": ["git@github.com:acme/a"]}],
             "expect": {"not": "cloud"}}
        ],
    )  # fmt: skip

    document = json.loads(json.dumps(policy_document(policy)))

    assert parse_policy(document, shipped={}) == policy


def test_task_row_may_change_single_keys_of_a_shipped_one() -> None:
    policy = policy_of(tasks=[{"id": "commit-message", "axes": {"cost": "low"}}])

    task = policy.find_task("commit-message")

    assert task is not None
    assert (task.axes.cost, task.axes.latency, str(task.preference)) == ("low", "medium", "either")
    assert len(policy.tasks) == 13


def test_every_problem_is_named_at_once_with_what_is_allowed() -> None:
    with pytest.raises(PolicyErrors) as raised:
        policy_of(
            privacy_rules=[
                {"id": "Bad Id", "effect": "nope", "match": {}},
                {"id": "ssh", "effect": "block", "match": {"remotes": ["git@github.com:acme/app"]}},
                {"id": "open", "effect": "cloud_ok", "match": {"remotes": ["github.com/a/**"], "paths": ["~/a"]}},
                {"id": "glob", "effect": "block", "match": {"remotes": ["github.com/a**"]}},
                {"id": "glob", "effect": "block", "match": {"markers": ["a"]}},
            ],
            exceptions=[{"id": "e", "rule": "none", "match": {"remotes": ["h.example/a"]}, "effect": "cloud_ok"}],
            tasks=[{"id": "new"}],
            surprise=1,
        )

    paths = {problem.path for problem in raised.value.problems}
    assert paths >= {
        "privacy_rules[0].id", "privacy_rules[0].effect", "privacy_rules[0].match", "privacy_rules[1].match.remotes[0]",
        "privacy_rules[2].match.paths", "privacy_rules[3].match.remotes[0]", "privacy_rules[4].id",
        "exceptions[0].rule", "exceptions[0].expires", "tasks[13].preference", "surprise",
    }  # fmt: skip
    effect = next(problem for problem in raised.value.problems if problem.path == "privacy_rules[0].effect")
    assert effect.detail == "privacy_rules[0].effect: found 'nope'; allowed: block, local_only, org_only, cloud_ok."


def test_rule_that_forbids_exceptions_has_none() -> None:
    with pytest.raises(PolicyErrors):
        policy_of(
            privacy_rules=[NDA_RULE | {"exceptions": "forbidden"}],
            exceptions=[
                {"id": "e", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/x"]}, "effect": "cloud_ok",
                 "expires": "2027-01-01"}
            ],
        )  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"effect": "seal"}, {"match": {"telepathy": ["x"]}}, {"match": {"remotes": ["a**"]}}]
)
def test_rule_of_a_later_version_restricts_everything(change: dict[str, object]) -> None:
    document = policy_document(policy_of()) | {"privacy_rules": [NDA_RULE | change]}

    policy = parse_policy(document, shipped=SHIPPED, is_lenient=True)

    rule = policy.privacy_rules[0]
    assert (rule.can_be_evaluated, rule.effect) == (False, Effect.LOCAL_ONLY)


@pytest.mark.parametrize("document", [None, [], "text", 1])
def test_document_that_is_no_object_is_a_problem_and_no_crash(document: object) -> None:
    with pytest.raises(PolicyErrors):
        parse_policy(document, shipped=SHIPPED)


def test_exception_must_be_weaker_than_its_rule() -> None:
    exception = {
        "id": "e", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/x"]}, "effect": "block",
        "expires": "2027-01-01",
    }  # fmt: skip

    with pytest.raises(PolicyErrors) as raised:
        policy_of(privacy_rules=[NDA_RULE], exceptions=[exception])

    assert [(one.path, one.allowed) for one in raised.value.problems] == [
        ("exceptions[0].effect", "org_only, cloud_ok")
    ]
