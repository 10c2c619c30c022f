"""What the golden cases cover, and the names of what they do not."""

import itertools
import json
from typing import Any

from routing.engine.explain import TEXTS
from routing.engine.policy.values import Preference, When
from tests.golden.run import DATA, Worlds, read_cases

WORLDS = Worlds("routing.engine")
CASES = read_cases()
ANSWERS = [(case, WORLDS.answer(case)) for case in CASES]

# Sentences of other things than answers, and codes that a case cannot lead to, with the test that does.
ELSEWHERE = {
    "near_miss": "the sentence around every near miss",
    "rule_not_understood": "a bundle from a later version: test_rules, test_told",
}
QUESTIONS = ("a mistake would be bad: cloud", "a pattern is enough: local", "the data may not leave: local")


def codes_of(answer: dict[str, Any]) -> set[str]:
    told = [*answer["reasons"], *answer["warnings"], *answer["obligations"]]
    remedies = [one["remedy"]["code"] for one in answer["alternatives"] if one["remedy"]]
    refusal = [answer["refusal"]["code"]] if answer["refusal"] else []
    return {one["code"] for one in told} | set(remedies) | set(refusal)


def classification_of(case: dict[str, Any], answer: dict[str, Any]) -> str:
    """As the project is classed; without an identity it is unclassified in its own way."""
    codes = codes_of(answer)
    return "anonymous" if "unclassified_anonymous" in codes else str(answer["privacy"]["classification"])


def test_every_row_of_the_matrix_meets_every_class_online_and_offline_with_and_without_a_fitting_model() -> None:
    shipped = json.loads((DATA / "shipped_policy.json").read_text())["tasks"]
    classes = ("nda", "internal", "open", "unclassified", "anonymous")
    wanted = set(itertools.product([task["id"] for task in shipped], classes, (False, True), (False, True)))

    found = {
        (
            answer["task"]["id"],
            classification_of(case, answer),
            bool(case["request"].get("offline", False)),
            "local_candidates" in codes_of(answer),
        )
        for case, answer in ANSWERS
    }

    assert sorted(wanted - found) == []


def test_every_code_of_an_answer_is_in_some_golden_answer() -> None:
    # Lint speaks of policies, not of answers.
    wanted = {code for code in TEXTS if not code.startswith("lint_")} - set(ELSEWHERE)

    found = set().union(*(codes_of(answer) for _case, answer in ANSWERS))

    assert sorted(wanted - found) == []
    assert sorted(found & set(ELSEWHERE)) == []


def test_every_outcome_profile_limit_and_effect_is_reached() -> None:
    def reached(*path: str) -> set[object]:
        found = set()
        for _case, answer in ANSWERS:
            value: Any = answer
            for key in path:
                value = value and value[key]
            found.add(value)
        return found

    assert reached("backend") == {"local", "cloud", "none"}
    assert reached("launch", "profile") == {"hardened", "slim", "plain", None}
    assert reached("context", "limit_by") >= {"org", "runtime", None}
    assert reached("privacy", "effect") == {"block", "local_only", "org_only", "cloud_ok"}
    assert reached("expected", "basis") >= {"measured", None}


def test_every_preference_is_reached_by_row_and_by_override() -> None:
    rows = {f"task_prefers_{side}" for side in (Preference.CLOUD, Preference.LOCAL)} | {"task_either"}

    assert rows <= set().union(*(codes_of(answer) for _case, answer in ANSWERS))
    assert {"override_applied"} <= set().union(*(codes_of(answer) for _case, answer in ANSWERS))


def test_the_questions_of_the_guide_are_asked() -> None:
    assert set(QUESTIONS) <= {case["name"] for case in CASES}


def test_near_misses_name_conditions_that_exist() -> None:
    failed = {miss["failed"]["key"] for _case, answer in ANSWERS for miss in answer["near_misses"]}

    assert {"remotes", "identified", "expires"} <= failed
    assert failed <= {"remotes", "identified", "expires", *When._fields}
