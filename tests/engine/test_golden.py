"""The golden decisions: what each answer must show, and that answers are whole and reproducible."""

from typing import Any

import pytest

from routing.engine import wire
from routing.engine.decide import decide
from routing.engine.explain import TEXTS
from routing.engine.facts import Situation
from tests.golden.run import Worlds, differences, read_cases

CASES = read_cases()
WORLDS = Worlds("routing.engine")
ANSWER_FIELDS = {
    "schema", "id", "decided_by", "valid_until", "task", "backend", "refusal", "privacy", "model", "runtime", "machine",
    "context", "reasons", "near_misses", "warnings", "alternatives", "obligations", "expected", "launch", "policy",
    "facts", "engine",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden_case_is_answered_as_expected(case: dict[str, Any]) -> None:
    answer = WORLDS.answer(case)

    assert list(differences(answer, case["expect"])) == []


def test_index_gives_the_golden_answers_too() -> None:
    for case in CASES:
        asked, facts = wire.request_from_document(case["request"]), WORLDS.facts(case["facts"])
        situation = Situation(
            now=WORLDS.now, policy_state=case.get("policy_state", "fresh"), machine_state=case.get("machine_state")
        )
        bundle = WORLDS.bundle(case["policy"])
        scanned, indexed = (
            decide(asked, bundle=one, facts=facts, situation=situation) for one in (bundle, bundle.indexed())
        )
        assert scanned == indexed, case["name"]


def test_there_are_enough_cases_and_each_name_is_unique() -> None:
    names = [case["name"] for case in CASES]

    assert len(names) >= 200
    assert len(names) == len(set(names))


def test_every_answer_has_every_field_and_a_reason_of_each_stage_it_passed() -> None:
    for case in CASES:
        answer = WORLDS.answer(case)
        assert set(answer) == ANSWER_FIELDS, case["name"]
        stages = [reason["stage"] for reason in answer["reasons"]]
        assert stages[0] == "privacy", case["name"]
        assert "preference" in stages, case["name"]
        assert "fallback" in stages, case["name"]


def test_every_code_in_an_answer_has_its_sentence_in_both_languages() -> None:
    for case in CASES:
        for code in _codes(WORLDS.answer(case)):
            assert all(TEXTS[code]), code


def test_every_sentence_finds_the_values_that_it_names() -> None:
    for case in CASES:
        answer = WORLDS.answer(case)
        told = [*answer["reasons"], *answer["warnings"], *answer["near_misses"], *answer["obligations"]]
        told += [one["remedy"] for one in answer["alternatives"] if one["remedy"]]
        assert [one["text"] for one in told if "– " in one["text"] or one["text"].endswith("–.")] == [], case["name"]


def test_two_runs_give_the_same_canonical_bytes() -> None:
    other = Worlds("routing.engine")

    for case in CASES[::7]:
        assert wire.canonical_answer(WORLDS.answer(case)) == wire.canonical_answer(other.answer(case))


def test_language_changes_only_the_texts() -> None:
    case = next(case for case in CASES if case["expect"]["backend"] == "none")

    english, japanese = WORLDS.answer(case), WORLDS.answer(case, language="ja")

    assert wire.canonical_answer(english) == wire.canonical_answer(japanese)
    assert english["refusal"]["text"].isascii()
    assert not japanese["refusal"]["text"].isascii()


def _codes(answer: dict[str, Any]) -> list[str]:
    told = [*answer["reasons"], *answer["warnings"], *answer["obligations"]]
    codes = [one["code"] for one in told]
    codes += [one["remedy"]["code"] for one in answer["alternatives"] if one["remedy"]]
    return codes + ([answer["refusal"]["code"]] if answer["refusal"] else [])
