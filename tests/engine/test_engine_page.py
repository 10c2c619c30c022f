"""docs/engine.md tells what the engine does: its examples, proofs and counts are made here again and compared."""

import re
from pathlib import Path

import pytest
import yaml

from routing.policy_proofs import proof_lines, prove_rules
from tests.engine.conftest import NOW, policy_of, unpacked_bundle
from tests.golden.run import Worlds, read_cases

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "engine.md").read_text()
WORLDS = Worlds("routing.engine")
CASES = {case["name"]: case for case in read_cases()}
BLOCKS = re.findall(r"```text\ngolden case: (.+)\n((?:.+\n)+)```", PAGE)
STAGES = ["privacy", "feasibility", "preference", "selection", "fallback", "obligations"]


def worked_example(name: str, stage: str) -> str:
    """The reasons of one stage, what the stage decides, and where the task goes."""
    answer = WORLDS.answer(CASES[name])
    lines = [f"  {one['code']}: {one['text']}" for one in answer["reasons"] if one["stage"] == stage]
    asked = ", ".join(one for project in CASES[name]["request"]["projects"] for one in project["remotes"] or [])
    told = {
        "privacy": [f"  effect: {answer['privacy']['effect']}, classification: {answer['privacy']['classification']}"],
        "feasibility": [f"  remedy: {one['remedy']['text']}" for one in answer["alternatives"] if one["remedy"]],
        "fallback": [f"  warning: {one['text']}" for one in answer["warnings"]],
        "obligations": [f"  {one['code']}: {one['value']}" for one in answer["obligations"]],
    }
    head = [f"  {answer['task']['id']} in {asked}", f"  {stage}:"]
    return "\n".join([*head, *(f"  {line}" for line in lines + told.get(stage, [])), f"  -> {answer['backend']}", ""])


def test_every_stage_has_one_worked_example_in_their_order() -> None:
    stages = [re.search(r"^  (\w+):$", block, re.MULTILINE) for _name, block in BLOCKS]

    assert [found and found[1] for found in stages] == STAGES


@pytest.mark.parametrize(("number", "stage"), list(enumerate(STAGES)))
def test_worked_example_is_what_the_engine_answers(number: int, stage: str) -> None:
    name, block = BLOCKS[number]

    assert block == worked_example(name, stage)


def test_proof_of_the_demo_policy_is_the_one_on_the_page() -> None:
    sections = yaml.safe_load((ROOT / "portal" / "demo" / "policy.yaml").read_text())
    del sections["version"]

    proofs = prove_rules(unpacked_bundle(policy_of(**sections)), only=None, now=NOW)

    said = "\n".join(line for proof in proofs for line in proof_lines(proof))
    assert f"```text\n{said}\n```" in PAGE


def test_golden_cases_are_counted() -> None:
    assert f"{len(CASES)} golden cases" in PAGE
