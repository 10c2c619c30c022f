"""Values that no parser lets through, built directly: the decision still answers, and strictly."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from routing.engine import wire
from routing.engine.answer import Answer, Backend, Envelope
from routing.engine.bundle import build_payload, parse_payload
from routing.engine.decide import decide
from routing.engine.errors import BundleError, WireError
from routing.engine.facts import Benchmark, MachineFacts, Situation, benchmark_document, benchmarks_from_document
from routing.engine.fit.geometry import UNKNOWN
from routing.engine.policy.values import Policy
from routing.engine.request import Client, ClientName, Project, Session, TaskRequest
from routing.engine.stages.loopback import is_loopback
from tests.engine.conftest import ACME, NDA_RULE, NOW, OTHER, PREFIXES, Ask, bundle_of, facts_from, policy_of

NAN, INFINITE = float("nan"), float("inf")


def answer_to(
    request: TaskRequest, policy: Policy | None = None, facts: MachineFacts | None = None, age_s: int = 3
) -> Answer:
    """The answer, and that it can be told in bytes and words."""
    bundle = bundle_of(policy or policy_of())
    answer = decide(
        request, bundle=bundle, facts=facts or facts_from(), situation=Situation(now=NOW, facts_age_s=age_s)
    )
    assert encoded(answer)
    return answer


def encoded(answer: Answer) -> bytes:
    envelope = Envelope("id", NOW, "agent", 0, "fresh", 3, "agent")
    return wire.canonical_answer(wire.answer_document(answer, envelope, language="en"))


@pytest.mark.parametrize("tokens", [-1, -(10**400), 10**18, 10**400])
@pytest.mark.parametrize("task", ["commit-message", "multi-file-edit"])
def test_absurd_number_of_tokens_is_survived(tokens: int, task: str) -> None:
    answer = answer_to(TaskRequest(task, context_tokens=tokens))

    assert answer.backend is not Backend.CLOUD
    assert answer.context.task_tokens == max(tokens, 0)


@pytest.mark.parametrize("agents", [-5, 0, 10**30])
def test_absurd_number_of_agents_is_survived(agents: int) -> None:
    assert answer_to(TaskRequest("agent-team", parallel_agents=agents)).backend is Backend.LOCAL


@pytest.mark.parametrize("deadline_s", [-1.0, 0.0, NAN, INFINITE, -INFINITE, 10**400])
@pytest.mark.parametrize("measured", [True, False])
def test_absurd_deadline_is_survived(deadline_s: float, *, measured: bool) -> None:
    facts = facts_from() if measured else facts_from()._replace(benchmarks=())

    assert answer_to(TaskRequest("commit-message", deadline_s=deadline_s), facts=facts).backend is Backend.LOCAL


@pytest.mark.parametrize("number", [-1, 0, 10**30, 10**400])
@pytest.mark.parametrize("field", ["size_bytes", "parameters", "memory_bytes", "max_context_tokens"])
def test_absurd_model_is_survived(field: str, number: int) -> None:
    change: dict[str, Any] = {field: number}

    assert answer_to(TaskRequest("confidential-code", context_tokens=50_000), facts=facts_with(change))


@pytest.mark.parametrize("number", [-1, 0, 10**30, 10**400])
@pytest.mark.parametrize("field", [field for field in UNKNOWN._fields if field != "architecture"])
def test_absurd_shape_is_survived(field: str, number: int) -> None:
    change: dict[str, Any] = {field: number}

    facts = facts_with({"geometry": UNKNOWN._replace(**change)})

    assert answer_to(TaskRequest("confidential-code", context_tokens=50_000), facts=facts)


def facts_with(change: dict[str, Any]) -> MachineFacts:
    """The only model, which nobody has measured, changed so."""
    facts = facts_from()
    (runtime,) = facts.runtimes
    (model,) = runtime.models
    return facts._replace(benchmarks=(), runtimes=(runtime._replace(models=(model._replace(**change),)),))


@pytest.mark.parametrize("speed", [0.0, -1.0, NAN, INFINITE, 1e-320])
def test_absurd_measurement_is_survived(speed: float) -> None:
    facts = facts_from()
    runs = tuple(
        run._replace(**{name: speed})  # type: ignore[arg-type]
        for run in facts.benchmarks
        for name in ("prompt_tokens_per_s", "decode_tokens_per_s")
    )

    answer = answer_to(TaskRequest("confidential-code"), facts=facts._replace(benchmarks=runs))

    assert answer.backend is Backend.LOCAL


def test_request_without_any_project_is_one_anonymous_project() -> None:
    assert answer_to(TaskRequest("multi-file-edit", projects=())) == answer_to(TaskRequest("multi-file-edit"))


def test_session_floor_that_is_not_known_protects() -> None:
    request = wire.request_from_document({"task": "multi-file-edit", "projects": [OTHER]})

    answer = answer_to(request._replace(session=Session("s", floor="team_only")))

    assert (answer.backend, answer.privacy.effect) == (Backend.LOCAL, "local_only")


def test_odd_signals_and_needs_are_survived() -> None:
    odd = ("", "\x00", "\ud800", "%", "%%%", "::", "://", "[", "@", ":", "/", "\\", "a" * 100_000, "%25" * 3000, "..")
    project = Project(markers=odd, paths=odd, labels=odd, root_commits=odd)
    request = TaskRequest(
        "multi-file-edit", projects=(project,), needs=("luck",), client=Client(ClientName.OTHER, version="\x00")
    )

    assert answer_to(request, policy_of(privacy_rules=[NDA_RULE])).backend is not Backend.CLOUD


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:8080", "http://127.1.2.3", "http://localhost:1/x", "http://[::1]:8080", "https://LOCALHOST:8080",
    ],
)  # fmt: skip
def test_address_of_this_machine_is_loopback(base_url: str) -> None:
    assert is_loopback(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "", "http://", "http://evil.example\\@127.0.0.1:8080", "http://127.0.0.1@evil.example",
        "http://user:secret@127.0.0.1:8080", "http://127.0.0.1\n.evil.example", "http://127.0.0.1 .evil.example",
        "http://127.0.0.1.evil.example", "http://evil.example#@127.0.0.1", "http://evil.example?@127.0.0.1",
        "ftp://127.0.0.1", "127.0.0.1:8080", "http://0.0.0.0:8080", "http://127.0.0.256", "http://127.0.0.1.", "http://[::1",
        "http://128.0.0.1", "http://127.0.0." + "9" * 5000, "http://１２７.0.0.1", "http://localhost.evil.example",
        "http://127.0.0", "http://[::ffff:8.8.8.8]", "http://127.0.0.1%2eevil.example",
    ],
)  # fmt: skip
def test_odd_or_other_address_is_not_loopback_and_never_serves_protected_work(ask: Ask, base_url: str) -> None:
    facts = facts_from()
    runtime = facts.runtimes[0]._replace(base_url=base_url)

    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=facts._replace(runtimes=(runtime,)))

    assert not is_loopback(base_url)
    assert answer.backend is Backend.NONE


@pytest.mark.parametrize("name", ["glm-4.6:cloud", "qwen3-coder:480b-cloud", "deepseek:671B-Cloud"])
def test_cloud_tag_of_ollama_is_remote_whatever_the_report_says(ask: Ask, name: str) -> None:
    facts = facts_from(models=[{"name": name}], runtime={"kind": "ollama"})

    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=facts)

    assert answer.backend is Backend.NONE
    assert "model_remote" in [reason.code for reason in answer.reasons]


def test_age_of_the_facts_is_no_part_of_the_canonical_answer() -> None:
    request = TaskRequest("multi-file-edit")

    first, second = answer_to(request, age_s=5000), answer_to(request, age_s=5001)

    assert "facts_old" in [note.code for note in first.warnings]
    assert encoded(first) == encoded(second)


def test_facts_are_old_past_the_age_that_the_policy_sets() -> None:
    limit_s = policy_of().limits.facts_max_age_s

    told = [answer_to(TaskRequest("multi-file-edit"), age_s=age_s).warnings for age_s in (limit_s, limit_s + 1)]

    assert ["facts_old" in [note.code for note in warnings] for warnings in told] == [False, True]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-25T09:30:00", "x"])
def test_time_that_no_clock_shows_is_refused(time: str) -> None:
    payload = json.loads(
        build_payload(revision=1, epoch=1, issued_at=NOW, policy=policy_of(), client_prefixes=PREFIXES)
    )
    run: dict[str, Any] = benchmark_document(facts_from().benchmarks[0])

    for key in ("issued_at", "expires_at"):
        with pytest.raises(BundleError):
            parse_payload(json.dumps(payload | {key: time}).encode())
    with pytest.raises(WireError):
        benchmarks_from_document({"benchmarks": [run | {"measured_at": time}]})


def test_newest_of_equally_deep_runs_counts() -> None:
    facts = facts_from()
    old = facts.benchmarks[0]
    new = old._replace(prompt_tokens_per_s=50.0, measured_at=old.measured_at + timedelta(hours=1))

    runs: tuple[Benchmark, ...] = (old, new)
    answers = [
        answer_to(TaskRequest("confidential-code"), facts=facts._replace(benchmarks=order))
        for order in (runs, runs[::-1])
    ]

    assert [one.expected for one in answers] == [answers[0].expected] * 2
    assert answers[0].expected is not None
    assert answers[0].expected.first_token_s is not None
    assert answers[0].expected.first_token_s[1] > 100


def test_clock_without_an_end_is_survived() -> None:
    situation = Situation(now=datetime.max.replace(tzinfo=UTC))
    policy = policy_of(privacy_rules=[NDA_RULE | {"review_by": "2027-01-01"}])
    request = wire.request_from_document({"task": "multi-file-edit", "projects": [ACME]})

    assert decide(request, bundle=bundle_of(policy), facts=None, situation=situation).backend is Backend.NONE
