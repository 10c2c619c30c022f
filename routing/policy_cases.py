"""The cases that a policy carries: each is decided under the policy itself and compared with what it expects."""

from dataclasses import dataclass
from datetime import datetime

from routing.engine.answer import Answer
from routing.engine.bundle_value import Bundle
from routing.engine.decide import decide
from routing.engine.errors import WireError
from routing.engine.facts import (
    Hardware,
    MachineFacts,
    MachineState,
    ModelFacts,
    RuntimeFacts,
    RuntimeKind,
    RuntimeState,
    Situation,
)
from routing.engine.policy.values import PolicyCase
from routing.engine.request import ANONYMOUS_PROJECT, TaskRequest

_MODEL = ModelFacts(
    name="capable",
    quantization="Q4_K_M",
    format="gguf",
    size_bytes=18_000_000_000,
    is_loaded=True,
    effective_context_tokens=131_072,
    max_context_tokens=131_072,
    is_remote=False,
    has_tools=True,
    has_vision=True,
)
# `machine: capable` of a case: a Mac with room and one able model that is up. `machine: none` is no machine.
CAPABLE = MachineFacts(
    machine="m_capable",
    hardware=Hardware(platform="darwin", chip="Apple M4 Max", memory_bytes=128 * 2**30),
    state=MachineState(),
    runtimes=(
        RuntimeFacts(
            kind=RuntimeKind.LLAMA_CPP,
            base_url="http://127.0.0.1:8080",
            state=RuntimeState.UP,
            has_messages_api=True,
            models=(_MODEL,),
        ),
    ),
)


@dataclass(frozen=True)
class CaseResult:
    """`got` tells what came instead, for the key that the case expects something of."""

    case: PolicyCase
    is_met: bool
    got: str


def run_cases(bundle: Bundle, *, now: datetime) -> list[CaseResult]:
    return [_run(case, bundle, now=now) for case in bundle.policy.cases]


def _run(case: PolicyCase, bundle: Bundle, *, now: datetime) -> CaseResult:
    request = TaskRequest(task=case.task, projects=case.projects or (ANONYMOUS_PROJECT,), is_offline=case.is_offline)
    facts = CAPABLE if case.machine == "capable" else None
    try:
        answer = decide(request, bundle=bundle, facts=facts, situation=Situation(now=now))
    except WireError as error:
        return CaseResult(case, is_met=False, got=error.code)
    return _compare(case, answer)


def _compare(case: PolicyCase, answer: Answer) -> CaseResult:
    key, wanted = case.expect
    if key == "reason":
        codes = [reason.code for reason in answer.reasons]
        return CaseResult(case, is_met=wanted in codes, got=", ".join(codes))
    got = str(answer.privacy.effect if key == "effect" else answer.backend)
    return CaseResult(case, is_met=(got != wanted) if key == "not" else (got == wanted), got=got)
