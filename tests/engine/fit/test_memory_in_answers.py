"""Memory in answers: what does not fit at the asked context is none, and the limit of the context says whose it is."""

from pathlib import Path
from typing import Any

from routing.engine.answer import Answer
from routing.engine.decide import decide
from routing.engine.facts import MachineFacts, Situation
from routing.engine.wire import request_from_document
from tests.engine.conftest import ACME, NDA_RULE, NOW, bundle_of, facts_from, policy_of

CATALOGUE = (Path("routing") / "data" / "models.json").read_text()
ORGANISATION = 200_000


def mac_with(memory_gb: int, **model: Any) -> MachineFacts:
    """One Qwen3-Coder 30B that is not loaded, and that no run was measured of."""
    hardware = {"platform": "darwin", "chip": "Apple M4 Pro", "gpu_cores": 20, "memory_bytes": memory_gb * 2**30}
    one = {"loaded": False, "effective_context_tokens": None, "size_bytes": 18_575_733_555} | model
    return facts_from(models=[one], hardware=hardware)._replace(benchmarks=())


def ask(facts: MachineFacts, *, context_tokens: int = 0) -> Answer:
    policy = policy_of(privacy_rules=[NDA_RULE], limits={"local_context_tokens": ORGANISATION})
    request = request_from_document(
        {"task": "multi-file-edit", "client": "claude", "projects": [ACME], "context_tokens": context_tokens}
    )
    bundle = bundle_of(policy)._replace(catalogue_text=CATALOGUE)
    return decide(request, bundle=bundle, facts=facts, situation=Situation(now=NOW, facts_age_s=3))


def test_what_memory_allows_limits_the_context() -> None:
    answer = ask(mac_with(32))

    assert answer.context.limit_by == "memory"
    assert 10_000 < (answer.context.limit_tokens or 0) < 60_000


def test_with_much_memory_the_organisation_limits_it() -> None:
    assert ask(mac_with(128)).context[2:] == (ORGANISATION, "org")


def test_what_is_loaded_has_its_memory_already() -> None:
    answer = ask(mac_with(32, loaded=True, effective_context_tokens=131_072))

    assert answer.context[2:] == (131_072, "runtime")


def test_a_context_that_does_not_fit_is_refused_with_the_missing_bytes() -> None:
    answer = ask(mac_with(32), context_tokens=150_000)

    removed = next(one for one in answer.alternatives if one.blocked_by == "memory_too_small")
    assert (removed.is_hard, removed.remedy is not None) == (True, True)
    assert answer.backend == "none"


def test_a_model_that_nobody_measured_has_an_expected_wait_by_formula() -> None:
    expected = ask(mac_with(64)).expected

    assert expected is not None
    assert expected.basis == "formula"
    assert expected.first_token_s is not None
    assert expected.load_s is not None
