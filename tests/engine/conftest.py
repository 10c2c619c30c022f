"""Plain values for engine tests: a policy, a capable machine, a request. No database, no mocks."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from routing.engine import identity, rules, wire
from routing.engine.answer import Answer
from routing.engine.bundle import build_payload, parse_payload
from routing.engine.bundle_value import Bundle
from routing.engine.compiled import dump_compiled, load_compiled
from routing.engine.decide import _settle_once, decide
from routing.engine.facts import MachineFacts, Situation, benchmarks_from_document, facts_of, report_from_document
from routing.engine.fit import candidate
from routing.engine.policy.document import parse_policy
from routing.engine.policy.values import Policy
from routing.engine.rules import PrivacyRules
from routing.engine.stages import launch, loopback, privacy

DATA = Path(__file__).parents[2] / "routing" / "data"
SHIPPED: dict[str, Any] = json.loads((DATA / "shipped_policy.json").read_text())
PREFIXES: dict[str, Any] = json.loads((DATA / "client_prefixes.json").read_text())
NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)

NDA_RULE = {
    "id": "nda-acme",
    "effect": "local_only",
    "match": {"remotes": ["github.com/acme/**"], "markers": ["acme"], "paths": ["~/work/acme/**"]},
    "reason": {"en": "NDA with Acme", "ja": "Acme社とのNDA"},
}
OPEN_RULE = {"id": "ours", "effect": "cloud_ok", "match": {"remotes": ["github.com/hoshizora/**"]}}
ACME = {"remotes": ["git@github.com:acme/app.git"]}
OURS = {"remotes": ["git@github.com:hoshizora/site.git"]}
OTHER = {"remotes": ["https://gitlab.com/someone/else.git"]}


KEPT = (
    _settle_once, privacy._conclude_once, candidate._fit, candidate._estimate_once,
    launch.local_obligations, launch.local_launch, launch.cloud_launch, loopback.is_loopback, identity._read_host,
    rules._heads_of,
)  # fmt: skip


@pytest.fixture(autouse=True)
def forget_before() -> None:
    """What a test is answered was worked out in it."""
    forget()


def forget() -> None:
    """The next decision is one of a process that has just started."""
    for kept in KEPT:
        kept.cache_clear()


def policy_of(**sections: object) -> Policy:
    return parse_policy({"version": 1, **sections}, shipped=SHIPPED)


def bundle_of(policy: Policy, *, revision: int = 1) -> Bundle:
    payload = build_payload(revision=revision, epoch=1, issued_at=NOW, policy=policy, client_prefixes=PREFIXES)
    return parse_payload(payload)


def unpacked_bundle(policy: Policy) -> Bundle:
    """The same without the way through bytes, for tests that make thousands."""
    return _shipped_bundle()._replace(policy=policy, rules=PrivacyRules.of(policy))


def every_way(policy: Policy) -> list[PrivacyRules]:
    """The rules scanned, indexed, and indexed by another process."""
    bundle = unpacked_bundle(policy)
    loaded = load_compiled(dump_compiled(bundle))
    assert loaded is not None
    return [bundle.rules, bundle.indexed().rules, loaded.rules]


@cache
def _shipped_bundle() -> Bundle:
    return bundle_of(policy_of())


def facts_from(*, models: list[dict[str, Any]] | None = None, **changes: Any) -> MachineFacts:
    """A Mac with 64 GB and one llama.cpp that serves one measured model."""
    model = {
        "name": "qwen3-coder:30b", "quantization": "Q4_K_M", "format": "gguf", "size_bytes": 18_600_000_000,
        "loaded": True, "effective_context_tokens": 65536, "max_context_tokens": 262144, "remote": False, "tools": True,
    }  # fmt: skip
    runtime = {
        "kind": "llama_cpp", "version": "b10434", "base_url": "http://127.0.0.1:8080", "state": "up",
        "messages_api": True, "models": [model | one for one in models] if models is not None else [model],
    }  # fmt: skip
    runtime |= changes.pop("runtime", {})
    report = {
        "schema": 1, "agent_version": "0.1.0", "collected_at": "2026-11-25T09:29:00Z",
        "hardware": {"platform": "darwin", "chip": "Apple M4 Pro", "memory_bytes": 64 * 2**30},
        "state": {}, "runtimes": [runtime],
    } | changes  # fmt: skip
    run = {
        "runtime": "llama_cpp", "runtime_version": "b10434", "model": "qwen3-coder:30b", "quantization": "Q4_K_M",
        "depth_tokens": 512, "prompt_tokens_per_s": 500, "decode_tokens_per_s": 60, "first_token_s": 1.1, "runs": 3,
        "method": "kirikae-1", "measured_at": "2026-11-25T09:00:00Z",
    }  # fmt: skip
    benchmarks = benchmarks_from_document({"benchmarks": [run]})
    return facts_of(report_from_document(report), benchmarks, machine="m_0000000000000000")


@pytest.fixture(scope="session")
def capable() -> MachineFacts:
    return facts_from()


type Ask = Callable[..., Answer]


@pytest.fixture
def ask(capable: MachineFacts) -> Ask:
    """Ask one policy: `ask(policy, task=..., projects=[...])`."""

    def ask_engine(policy: Policy, *, facts: MachineFacts | None = capable, **request: object) -> Answer:
        situation = Situation(now=NOW, policy_state=str(request.pop("policy_state", "fresh")), facts_age_s=3)  # type: ignore[arg-type]
        document = {"task": "multi-file-edit", "client": "claude", **request}
        return decide(wire.request_from_document(document), bundle=bundle_of(policy), facts=facts, situation=situation)

    return ask_engine
