"""Policy documents: defaults, every problem at once, and a lossless way back."""

import contextlib
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from routing.engine.effects import Effect
from routing.engine.errors import PolicyErrors
from routing.engine.policy.document import parse_policy, policy_document
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


def test_recommendations_by_memory_survive_their_text_and_leave_others_as_they_were() -> None:
    by_memory = [{"from_gb": 64, "models": ["qwen3-coder-next"]}]

    policy = policy_of(models={"recommended": ["gpt-oss-20b"], "recommended_by_memory": by_memory})

    assert policy.models.recommended_for(48 * 2**30) == ("gpt-oss-20b",)
    assert policy.models.recommended_for(64 * 2**30) == ("gpt-oss-20b", "qwen3-coder-next")
    assert policy.models.recommended_for(None) == ("gpt-oss-20b",)
    assert parse_policy(policy_document(policy), shipped=SHIPPED) == policy
    assert policy_document(policy_of())["models"] == {"allow": [], "deny": [], "recommended": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_gb": 64, "below_gb": 64, "models": ["a"]},
        {"from_gb": -1, "models": ["a"]},
        {"from_gb": 1, "models": [""]},
        {"models": ["a"], "memory": 5},
        {"from_gb": 1},
    ],
)
def test_a_recommendation_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PolicyErrors):
        policy_of(models={"recommended_by_memory": [wrong]})


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


@pytest.mark.parametrize(
    "pattern",
    [
        "github.com",
        "github.com/",
        "/acme/**",
        "*/acme/**",
        "**/acme",
        "https://github.com/acme",
        "git@github.com:acme/app",
        "github.com:443/acme",
        "github.com\\acme\\**",
        "github.com/acme/../x",
        "github.com/{acme,acme2}/**",
        "github.com/acme/[a-z]",
        "github.com/acme/app?x",
        "github.com/acme/a\u200bpp",
        "例*.jp/acme/**",
        "vs-ssh.visualstudio.com/project/_ssh/repository",  # the organisation is the user of such an address
    ],
)
def test_pattern_that_no_remote_could_ever_meet_is_refused(pattern: str) -> None:
    with pytest.raises(PolicyErrors) as raised:
        policy_of(privacy_rules=[NDA_RULE | {"match": {"remotes": [pattern]}}])

    assert {(one.path, one.code) for one in raised.value.problems} == {
        ("privacy_rules[0].match.remotes[0]", "pattern.invalid")
    }


@pytest.mark.parametrize("pattern", ["github.com/ours/*.wiki", "github.com/ours/site.wiki.git", "h.example/a.wiki/"])
def test_wiki_cannot_be_opened_apart_from_its_repository(pattern: str) -> None:
    with pytest.raises(PolicyErrors):
        policy_of(privacy_rules=[OPEN_RULE | {"match": {"remotes": [pattern]}}])


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"])
def test_text_that_no_bundle_could_carry_is_refused(odd: str) -> None:
    with pytest.raises(PolicyErrors) as raised:
        policy_of(privacy_rules=[NDA_RULE | {"name": {"en": odd}, "match": {"markers": [odd]}}])

    assert {one.path for one in raised.value.problems} == {
        "privacy_rules[0].name.en",
        "privacy_rules[0].match.markers[0]",
    }
    assert not any(odd in one.found for one in raised.value.problems)


@pytest.mark.parametrize("commit", ["1f0e3da", "x" * 40, "*", "a" * 41])
def test_root_commit_that_is_no_whole_hash_is_refused(commit: str) -> None:
    with pytest.raises(PolicyErrors) as raised:
        policy_of(privacy_rules=[NDA_RULE | {"match": {"root_commits": [commit]}}])

    assert raised.value.problems[0].path == "privacy_rules[0].match.root_commits[0]"


@pytest.mark.parametrize("key", ["root_commits", "markers", "paths", "labels"])
@pytest.mark.parametrize("effect", ["cloud_ok"])
def test_nothing_but_remotes_can_loosen(key: str, effect: str) -> None:
    match = {"remotes": ["github.com/ours/**"], key: ["~/ours"]}
    exception = {"id": "e", "rule": "nda-acme", "match": match, "effect": effect, "expires": "2027-01-01"}

    with pytest.raises(PolicyErrors) as of_rule:
        policy_of(privacy_rules=[OPEN_RULE | {"match": match}])
    with pytest.raises(PolicyErrors) as of_exception:
        policy_of(privacy_rules=[NDA_RULE], exceptions=[exception])

    assert of_rule.value.problems[0].path == f"privacy_rules[0].match.{key}"
    assert of_exception.value.problems[0].path == f"exceptions[0].match.{key}"


def test_exception_must_be_weaker_than_its_rule() -> None:
    exception = {
        "id": "e", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/x"]}, "effect": "block",
        "expires": "2027-01-01",
    }  # fmt: skip

    with pytest.raises(PolicyErrors) as raised:
        policy_of(privacy_rules=[NDA_RULE], exceptions=[exception])

    assert raised.value.problems[0].path == "exceptions[0].effect"


ODD: list[object] = [
    None,
    True,
    1,
    1.5,
    "x",
    "",
    [],
    [[]],
    {},
    {"a": []},
    datetime(2027, 3, 31, 1, 2, tzinfo=UTC),
    date(2027, 3, 31),
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        "organisation", "unclassified", "default_task", "limits", "models", "privacy_rules", "exceptions", "tasks",
        "overrides", "cases", "privacy_rules.id", "privacy_rules.effect", "privacy_rules.match", "privacy_rules.name",
        "privacy_rules.review_by", "privacy_rules.owner", "exceptions.expires", "exceptions.rule",
        "exceptions.machines",
        "tasks.id", "tasks.axes", "tasks.floor", "tasks.needs", "overrides.when", "overrides.prefer", "cases.expect",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_lenient", [False, True])
def test_whatever_yaml_gives_only_policy_errors_are_raised(place: str, odd: object, *, is_lenient: bool) -> None:
    section, _, key = place.partition(".")
    document = {"version": 1, section: [{"id": "one", key: odd}] if key else odd}

    with contextlib.suppress(PolicyErrors):
        parse_policy(document, shipped=SHIPPED, is_lenient=is_lenient)


def test_days_of_yaml_and_of_json_are_the_same_day() -> None:
    of_yaml = policy_of(privacy_rules=[NDA_RULE | {"review_by": date(2027, 3, 31)}])

    assert of_yaml == policy_of(privacy_rules=[NDA_RULE | {"review_by": "2027-03-31"}])


def test_shipped_row_given_twice_is_a_duplicate() -> None:
    with pytest.raises(PolicyErrors) as raised:
        policy_of(tasks=[{"id": "commit-message"}, {"id": "commit-message", "preference": "cloud"}])

    assert "id.duplicate" in [problem.code for problem in raised.value.problems]


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"version": 2},
        {"unclassified": {"identified": "team", "anonymous": "local_only"}},
        {"unclassified": {"identified": "cloud_ok", "anonymous": "local_only", "third": "cloud_ok"}},
        {"unclassified": {"identified": "cloud_ok"}},
        {"exceptions": [{"id": "e", "rule": "nda-acme", "match": {"telepathy": ["x"]}, "effect": "cloud_ok"}]},
    ],
)
def test_bundle_of_a_later_version_is_refused_whole_where_a_part_could_open_something(
    change: dict[str, object],
) -> None:
    document = policy_document(policy_of(privacy_rules=[NDA_RULE])) | change

    with pytest.raises(PolicyErrors):
        parse_policy(document, shipped={}, is_lenient=True)


def test_unknown_floor_of_a_task_refuses_the_bundle() -> None:
    document = policy_document(policy_of())
    rows = [row | {"floor": "team"} for row in document["tasks"]]  # type: ignore[attr-defined]

    with pytest.raises(PolicyErrors):
        parse_policy(document | {"tasks": rows}, shipped={}, is_lenient=True)
