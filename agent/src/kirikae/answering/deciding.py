"""A decision on this machine: signals and facts collected, the verified bundle, the engine; the same answer as online.

Standard library and engine only: this is the way of `ask` and `run`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from kirikae.collect.facts_reader import FactsReader
from kirikae.engine import facts, wire
from kirikae.engine.answer import Answer, Backend, uuid7_text
from kirikae.engine.decide import decide
from kirikae.engine.effects import Effect
from kirikae.engine.errors import EngineError, WireError
from kirikae.engine.named_tuple import NamedTuple
from kirikae.engine.policy.values import Policy
from kirikae.engine.request import TaskRequest
from kirikae.errors import UsageError
from kirikae.home import Home
from kirikae.moments import now
from kirikae.policy.bundle_store import StoredBundle, load_bundle
from kirikae.policy.freshness import (
    PolicyInForce,
    confirm_policy,
    find_distrust,
    keep_time,
    policy_in_force,
    trusted_now,
)
from kirikae.signals.projects import collect_projects, find_unread, home_relative
from kirikae.texts import choose_language


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
    session_floor: str | None = None


class Decision(NamedTuple):
    """`document` is the contract's answer, `facts` the report and benchmarks that it was decided with."""

    request: TaskRequest
    document: dict[str, object]
    facts: dict[str, object]
    # Which of the portal's databases made the policy: numbers come again when a backup is restored.
    policy_epoch: int
    needs_tools: bool = True
    # Whether the policy protects anything by a rule.
    has_rules: bool = True
    # (code, data) of sentences: what stands in the way of knowing the project or the policy's age.
    notes: Sequence[tuple[str, Mapping[str, object]]] = ()


class KnownFacts(NamedTuple):
    """`facts` None: nobody looked."""

    facts: facts.MachineFacts | None
    age_s: int


def decide_here(home: Home, question: Question, reader: FactsReader) -> Decision:
    """Raises NoPolicyError without a usable bundle, UsageError for a request that the engine refuses."""

    def look(machine: str | None) -> tuple[KnownFacts, dict[str, object]]:
        kept = reader.get_facts()
        machine_facts, benchmarks = machine_facts_from(home, kept.report, machine=machine)
        return KnownFacts(machine_facts, round(kept.age_s)), {"report": kept.report, **benchmarks}

    return _decided(home, question, look)


def judge_here(home: Home, question: Question) -> Decision:
    """The same without a look at the machine: what may leave it does not depend on that. Raises as `decide_here`."""
    return _decided(home, question, lambda _machine: (KnownFacts(None, 0), {}))


def _decided(
    home: Home, question: Question, look: Callable[[str | None], tuple[KnownFacts, dict[str, object]]]
) -> Decision:
    stored = load_bundle(home)
    enrolment = home.find_enrolment()
    machine = enrolment.machine if enrolment else None
    try:
        request = _request(home, question, machine=machine, policy=stored.bundle.policy)
        known, told = look(machine)
        answer, policy = _decide_fresh(home, stored, request, known=known)
    except EngineError as error:
        if error.code == "task.unknown":
            names = ", ".join(one.id for one in stored.bundle.policy.tasks if not one.is_retired)
            raise UsageError("request.unknown_task", task=question.task, known=names) from error
        field = error.field if isinstance(error, WireError) else "task"
        raise UsageError("request.invalid", field=field, detail=error.detail.removeprefix(f"{field}: ")) from error
    document = wire.answer_document(answer, _envelope(policy, known), language=choose_language())
    bundle = policy.stored.bundle
    needs_tools = "tools" in _needs(bundle.policy, request)
    has_rules = any(rule.effect is not Effect.CLOUD_OK for rule in bundle.policy.privacy_rules)
    notes = [*_notes_of_projects(question, request, bundle.policy), *_notes_of_policy(policy)]
    return Decision(request, document, told, bundle.epoch, needs_tools, has_rules, notes)


def _notes_of_projects(
    question: Question, request: TaskRequest, policy: Policy
) -> Iterator[tuple[str, Mapping[str, object]]]:
    if all(one.is_complete for one in request.projects):
        return
    found = find_unread(question.folders)
    if found is not None:
        code, path = found
        yield code, {"path": home_relative(path)}
    elif _go_by_roots(policy) and any(one.root_commits is None and one.remotes for one in request.projects):
        yield "answer.lacks_roots", {}


def _notes_of_policy(policy: PolicyInForce) -> Iterator[tuple[str, Mapping[str, object]]]:
    cause = find_distrust(policy.stored)
    if policy.state == "expired" and cause is not None:
        yield f"policy.{cause}", {}


def _go_by_roots(policy: Policy) -> bool:
    return any(rule.match.root_commits for rule in policy.privacy_rules)


def _needs(policy: Policy, request: TaskRequest) -> frozenset[str]:
    """Of the request and of its task."""
    task = next((one for one in policy.tasks if one.id == request.task), None)
    return frozenset((*request.needs, *(task.needs if task else ())))


def _request(home: Home, question: Question, *, machine: str | None, policy: Policy) -> TaskRequest:
    projects = collect_projects(home, question.folders, needs_roots=lambda: _go_by_roots(policy))
    _check_counts(projects)
    document = {
        "task": policy.default_task if question.task is None else question.task,
        "projects": projects,
        "context_tokens": question.context_tokens,
        "parallel_agents": question.parallel_agents,
        "needs": list(question.needs),
        "offline": question.is_offline,
        "client": {"name": question.client, "mode": question.mode},
        "session": {"id": None, "floor": question.session_floor},
        "machine": machine,
    }
    return wire.request_from_document(document)._replace(is_task_assumed=question.task is None)


def _check_counts(projects: Sequence[Mapping[str, object]]) -> None:
    """More than the wire takes is never cut silently. Raises UsageError."""
    if len(projects) > wire.MAX_PROJECTS:
        raise UsageError("project.too_many", count=len(projects), most=wire.MAX_PROJECTS)
    for project in projects:
        remotes, paths = project.get("remotes"), project.get("paths")
        if isinstance(remotes, list) and isinstance(paths, list) and len(remotes) > wire.MAX_REMOTES:
            raise UsageError("project.too_many_remotes", path=paths[-1], count=len(remotes), most=wire.MAX_REMOTES)


def machine_facts_from(
    home: Home, report: dict[str, object], *, machine: str | None
) -> tuple[facts.MachineFacts, dict[str, object]]:
    """With the benchmarks that were kept; those of another version, or damaged ones, count as none."""
    kept = home.read_json("benchmarks.json")
    try:
        measured = facts.benchmarks_from_document(kept) if kept.get("benchmarks") else ()
    except EngineError:
        kept, measured = {}, ()
    return facts.facts_of(facts.report_from_document(report), measured, machine=machine), kept


def _decide_fresh(
    home: Home, stored: StoredBundle, request: TaskRequest, *, known: KnownFacts
) -> tuple[Answer, PolicyInForce]:
    """A cloud answer from an old policy is not given, nor withheld, before the portal was asked whether it changed."""
    keep_time(home, stored)
    policy = policy_in_force(stored)
    answer = _decide(policy, request, known=known)
    if policy.state == "fresh" or not _wants_cloud(answer, policy, request, known=known):
        return answer, policy
    confirmed = confirm_policy(home, stored)
    return _decide(confirmed, request, known=known), confirmed


def _wants_cloud(answer: Answer, policy: PolicyInForce, request: TaskRequest, *, known: KnownFacts) -> bool:
    """Whether it is the cloud, or would be if the policy had been confirmed."""
    if answer.backend is Backend.CLOUD or policy.state != "expired":
        return answer.backend is Backend.CLOUD
    return _decide(policy._replace(state="stale"), request, known=known).backend is Backend.CLOUD


def _decide(policy: PolicyInForce, request: TaskRequest, *, known: KnownFacts) -> Answer:
    situation = facts.Situation(now=trusted_now(policy.stored), policy_state=policy.state, facts_age_s=known.age_s)
    return decide(request, bundle=policy.stored.bundle, facts=known.facts, situation=situation)


def _envelope(policy: PolicyInForce, known: KnownFacts) -> wire.Envelope:
    moment = now()
    return wire.Envelope(
        id=uuid7_text(moment, os.urandom(10)),
        valid_until=moment + timedelta(seconds=policy.stored.bundle.policy.limits.policy_refresh_s),
        decided_by="agent",
        policy_age_s=policy.age_s,
        policy_state=policy.state,
        facts_age_s=known.age_s if known.facts else None,
        facts_source="agent" if known.facts else "none",
    )
