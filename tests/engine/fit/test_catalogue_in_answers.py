"""What the catalogue changes in answers: rating, licence, and memory for several conversations at once."""

import json
from typing import Any

import pytest

from routing.engine import wire
from routing.engine.answer import Answer, Backend
from routing.engine.decide import decide
from routing.engine.facts import MachineFacts, Situation
from tests.engine.conftest import ACME, DATA, NDA_RULE, NOW, OTHER, facts_from, policy_of, unpacked_bundle

TEXT = (DATA / "models.json").read_text()
GIB = 2**30


def catalogue_with(name: str, **changes: object) -> str:
    document = json.loads(TEXT)
    document["models"] = [row | changes if row["name"] == name else row for row in document["models"]]
    return json.dumps(document)


def answer_of(facts: MachineFacts, catalogue: str = TEXT, **request: Any) -> Answer:
    bundle = unpacked_bundle(policy_of(privacy_rules=[NDA_RULE]))._replace(catalogue_text=catalogue)
    asked = wire.request_from_document({"client": "claude", "projects": [ACME], **request})
    return decide(asked, bundle=bundle, facts=facts, situation=Situation(now=NOW))


def codes(answer: Answer) -> list[str]:
    return [reason.code for reason in answer.reasons]


def test_demanding_work_takes_the_best_rated_model_and_other_work_the_soonest() -> None:
    models: list[dict[str, Any]] = [{"name": "qwen3:8b", "size_bytes": 5 * GIB}, {"name": "glm-4.7-flash"}]
    facts = facts_from(models=models)

    demanding = answer_of(facts, task="architecture-design")
    usual = answer_of(facts, task="code-completion")

    assert demanding.model is not None
    assert (demanding.model.name, demanding.model.tier) == ("glm-4.7-flash", "good")
    assert "selected_tier" in codes(demanding)
    assert "selected_tier" not in codes(usual)


@pytest.mark.parametrize(("may_produce", "is_warned"), [(False, True), (True, False), (None, False)])
def test_model_whose_licence_forbids_production_is_a_reservation(may_produce: bool | None, is_warned: bool) -> None:
    catalogue = catalogue_with("glm-4.7-flash", production=may_produce)
    facts = facts_from(models=[{"name": "glm-4.7-flash"}])

    protected = answer_of(facts, catalogue, task="code-completion")
    free = answer_of(facts, catalogue, task="code-completion", projects=[OTHER])

    assert ("licence_excludes_production" in [note.code for note in protected.warnings]) is is_warned
    assert free.backend is (Backend.CLOUD if is_warned else Backend.LOCAL)


def test_memory_is_counted_once_for_each_agent_and_protected_work_has_one() -> None:
    hardware = {"platform": "darwin", "chip": "Apple M4 Pro", "memory_bytes": 36 * GIB}
    facts = facts_from(models=[{"name": "qwen3:32b", "size_bytes": 20 * GIB, "loaded": False}], hardware=hardware)

    def answer(agents: int, projects: list[Any]) -> Answer:
        return answer_of(facts, task="template-generation", projects=projects, parallel_agents=agents, offline=True)

    assert answer(1, [OTHER]).backend is Backend.LOCAL
    assert "memory_too_small" in codes(answer(8, [OTHER]))
    assert answer(8, [ACME]).backend is Backend.LOCAL
