"""A decision on this machine: signals and facts collected, the verified bundle, the engine; the same answer as online.

Standard library and engine only: this is the way of `ask` and `run`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from kirikae.bundle_store import StoredBundle, load_bundle
from kirikae.collect.facts_reader import FactsReader
from kirikae.engine import facts, wire
from kirikae.engine.answer import Answer, Backend, uuid7_text
from kirikae.engine.decide import decide
from kirikae.engine.errors import EngineError, WireError
from kirikae.engine.policy import Limits
from kirikae.engine.request import TaskRequest
from kirikae.errors import UsageError
from kirikae.home import Home
from kirikae.moments import now
from kirikae.refresh import refresh_bundle
from kirikae.signals import collect_projects
from kirikae.texts import choose_language

type PolicyState = Literal["fresh", "stale", "expired"]


class Question(NamedTuple):
    """What the caller wants to know; `task` None takes the policy's default."""

    task: str | None
    folders: Sequence[Path]
    client: str
    mode: str | None
    context_tokens: int = 0
    parallel_agents: int | None = None
    needs: Sequence[str] = ()
    is_offline: bool = False


class Decision(NamedTuple):
    """`document` is the contract's answer, `facts` the report and benchmarks that it was decided with."""

    request: TaskRequest
    document: dict[str, object]
    facts: dict[str, object]
    # Which of the portal's databases made the policy: numbers come again when a backup is restored.
    policy_epoch: int


class KnownFacts(NamedTuple):
    facts: facts.MachineFacts
    age_s: int


def decide_here(home: Home, question: Question, reader: FactsReader) -> Decision:
    """Raises NoPolicyError without a usable bundle, UsageError for a request that the engine refuses."""
    stored = load_bundle(home)
    enrolment = home.find_enrolment()
    machine = enrolment.machine if enrolment else None
    try:
        request = _request(home, question, machine=machine, default_task=stored.bundle.policy.default_task)
        kept = reader.get_facts()
        benchmarks = home.read_json("benchmarks.json")
        machine_facts = _machine_facts(kept.report, benchmarks, machine=machine)
        known = KnownFacts(machine_facts, round(kept.age_s))
        answer, stored = _decide_fresh(home, stored, request, known=known)
    except EngineError as error:
        field = error.field if isinstance(error, WireError) else "task"
        raise UsageError("request.invalid", field=field, detail=error.detail) from error
    document = wire.answer_document(answer, _envelope(stored, known), language=choose_language())
    return Decision(request, document, {"report": kept.report, **benchmarks}, stored.bundle.epoch)


def _request(home: Home, question: Question, *, machine: str | None, default_task: str) -> TaskRequest:
    document = {
        "task": default_task if question.task is None else question.task,
        "projects": collect_projects(home, question.folders),
        "context_tokens": question.context_tokens,
        "parallel_agents": question.parallel_agents,
        "needs": list(question.needs),
        "offline": question.is_offline,
        "client": {"name": question.client, "mode": question.mode},
        "machine": machine,
    }
    return wire.request_from_document(document)._replace(is_task_assumed=question.task is None)


def _machine_facts(
    report: dict[str, object], benchmarks: dict[str, object], *, machine: str | None
) -> facts.MachineFacts:
    measured = facts.benchmarks_from_document(benchmarks) if benchmarks.get("benchmarks") else ()
    return facts.facts_of(facts.report_from_document(report), measured, machine=machine)


def _decide_fresh(
    home: Home, stored: StoredBundle, request: TaskRequest, *, known: KnownFacts
) -> tuple[Answer, StoredBundle]:
    """A cloud answer from an old bundle is not given before the portal was asked whether the policy changed."""
    answer = _decide(stored, request, known=known)
    if answer.backend is not Backend.CLOUD or policy_state(stored) == "fresh":
        return answer, stored
    refreshed = refresh_bundle(home, stored)
    return _decide(refreshed, request, known=known), refreshed


def _decide(stored: StoredBundle, request: TaskRequest, *, known: KnownFacts) -> Answer:
    situation = facts.Situation(now=_trusted_now(stored), policy_state=policy_state(stored), facts_age_s=known.age_s)
    return decide(request, bundle=stored.bundle, facts=known.facts, situation=situation)


def _trusted_now(stored: StoredBundle) -> datetime:
    """A clock that was set back makes nothing younger."""
    known = (now(), stored.bundle.issued_at, stored.newest_time)
    return max(moment for moment in known if moment is not None)


def policy_age_s(stored: StoredBundle) -> int:
    """Since the portal last confirmed it; without a note of that, since it was issued."""
    confirmed = stored.checked_at or stored.bundle.issued_at
    return max(0, round((_trusted_now(stored) - confirmed).total_seconds()))


def policy_state(stored: StoredBundle) -> PolicyState:
    limits: Limits = stored.bundle.policy.limits
    age_s = policy_age_s(stored)
    if age_s > limits.policy_max_age_s or _trusted_now(stored) > stored.bundle.expires_at:
        return "expired"
    return "stale" if age_s > limits.policy_refresh_s else "fresh"


def _envelope(stored: StoredBundle, known: KnownFacts) -> wire.Envelope:
    moment = now()
    return wire.Envelope(
        id=uuid7_text(moment, os.urandom(10)),
        valid_until=moment + timedelta(seconds=stored.bundle.policy.limits.policy_refresh_s),
        decided_by="agent",
        policy_age_s=policy_age_s(stored),
        policy_state=policy_state(stored),
        facts_age_s=known.age_s,
        facts_source="agent",
    )
