"""The decision: the only place where a backend is chosen. The order of evaluation stands in the package's docstring."""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite

from . import ENGINE_VERSION
from .answer import Alternative, Answer, Backend, Privacy, Remedy, Stage
from .bundle_value import Bundle
from .effects import Classification, Effect
from .errors import WireError
from .facts import MachineFacts, MachineState, Situation
from .policy.values import Preference, TaskCategory
from .request import ClientName, TaskRequest
from .stages.feasibility import Candidate, list_candidates, list_runtime_limits
from .stages.outcome import MAX_TOLD_MODELS, Outcome, Settled, local_alternative, settled_by, tell_outcome
from .stages.preference import Preferred, preferred_side, settle_either
from .stages.privacy import judge_privacy
from .stages.selection import select
from .stages.trace import Trace
from .stages.work import Circumstances, Permission, Work


def decide(request: TaskRequest, *, bundle: Bundle, facts: MachineFacts | None, situation: Situation) -> Answer:
    """The answer to one request. Its only error is WireError `task.unknown`; everything else becomes an answer.

    `facts` is None when the asking machine is unknown: then no local model is a candidate.
    """
    task = find_task(request, bundle)
    judged = judge_privacy(request, task, bundle, situation)
    settled = _settle_once(_plan(request, task, bundle, judged.permission, situation), _what_counts(facts))
    return Answer(
        task=task.id,
        is_task_assumed=request.is_task_assumed,
        backend=settled.backend,
        refusal=settled.refusal,
        privacy=judged.privacy,
        model=settled.model,
        runtime=settled.runtime,
        machine=facts.machine if facts else request.machine,
        context=settled.context,
        reasons=judged.reasons + settled.reasons,
        near_misses=judged.near_misses + settled.near_misses,
        warnings=judged.warnings + settled.warnings,
        alternatives=settled.alternatives,
        obligations=settled.obligations,
        expected=settled.expected,
        launch=settled.launch,
        revision=bundle.revision,
        engine=ENGINE_VERSION,
    )


def decide_privacy(request: TaskRequest, *, bundle: Bundle, situation: Situation) -> Privacy:
    """The part of the answer that follows from request and policy alone, without any facts. Raises as `decide`."""
    return judge_privacy(request, find_task(request, bundle), bundle, situation).privacy


def find_task(request: TaskRequest, bundle: Bundle) -> TaskCategory:
    """The task category that the request names. Raises WireError `task.unknown`, which names the known ones."""
    task = bundle.policy.find_task(request.task)
    if task is not None:
        return task
    known = ", ".join(one.id for one in bundle.policy.tasks if not one.is_retired)
    raise WireError(
        code="task.unknown", field="task", detail=f"There is no task category '{request.task}'; known: {known}."
    )


def _plan(
    request: TaskRequest, task: TaskCategory, bundle: Bundle, permission: Permission, situation: Situation
) -> Work:
    deadline_s = request.deadline_s
    return Work(
        task=task,
        permission=permission,
        client=request.client,
        context_tokens=max(request.context_tokens, 0),
        parallel_agents=request.parallel_agents,
        needs=tuple(dict.fromkeys((*task.needs, *request.needs))),
        is_offline=request.is_offline,
        # A figure that is none asks for nothing.
        asked_deadline_s=float(deadline_s) if deadline_s is not None and isfinite(deadline_s) else None,
        circumstances=_circumstances(bundle, situation),
        limits=bundle.policy.limits,
        overrides=bundle.policy.overrides,
        prefixes=bundle.prefixes,
        catalogue_text=bundle.catalogue_text,
        protected_folders=bundle.rules.protected_folders,
    )


def _circumstances(bundle: Bundle, situation: Situation) -> Circumstances:
    age_s = situation.facts_age_s
    return Circumstances(
        are_facts_old=age_s is not None and age_s > bundle.policy.limits.facts_max_age_s,
        machine_state=situation.machine_state,
        groups=situation.groups,
        moment=bundle.rules.moment(situation.now),
    )


def _what_counts(facts: MachineFacts | None) -> MachineFacts | None:
    """The facts without what differs in every report and decides nothing: free memory, swap, and whose they are."""
    if facts is None:
        return None
    state = facts.state
    return MachineFacts(
        machine=None,
        hardware=facts.hardware,
        state=MachineState(
            memory_pressure=state.memory_pressure,
            is_on_battery=state.is_on_battery,
            is_low_power=state.is_low_power,
            cloud_quota_left=state.cloud_quota_left,
            is_cloud_available=state.is_cloud_available,
        ),
        runtimes=facts.runtimes,
        benchmarks=facts.benchmarks,
    )


def settle(work: Work, facts: MachineFacts | None) -> Settled:
    """Stages 2 to 6: what can be done, what is preferred, what is chosen and how it starts."""
    trace = Trace()
    _tell_plan(work, trace)
    candidates = _collect_candidates(work, facts, trace)
    closed = _close_cloud(work, facts, trace)
    preferred = _prefer(work, facts, candidates, trace)
    outcome = _choose(work, candidates, preferred, closed)
    tell_outcome(outcome, work, candidates, preferred, trace)
    return settled_by(outcome, work, trace)


# Both arguments are values that never change and nothing else is looked at, so an outcome holds for as long as anybody
# asks for the same: the same few tasks on the same Macs, until one reports again or a policy is published.
_settle_once = lru_cache(maxsize=512)(settle)


def _tell_plan(work: Work, trace: Trace) -> None:
    if work.is_protected and work.asked_agents > 1:
        trace.warn("parallel_agents_reduced", asked=work.asked_agents)
    if work.task.is_retired:
        trace.warn("task_retired", task=work.task.id)
    if not work.prefixes.is_known(work.client):
        trace.warn("client_unknown")
    if work.is_protected and work.client is not None and work.client.name is not ClientName.CLAUDE:
        trace.warn("client_unproven", client=str(work.client.name))


def _collect_candidates(work: Work, facts: MachineFacts | None, trace: Trace) -> list[Candidate]:
    if work.permission.effect is Effect.BLOCK:
        trace.reason(Stage.FEASIBILITY, "local_not_permitted")
        return []
    if facts is None:
        trace.reason(Stage.FEASIBILITY, "machine_unknown")
        trace.warn("machine_unknown")
        remedy = Remedy("enrol_machine", command="kirikae enrol")
        trace.alternatives.append(Alternative(Backend.LOCAL, None, "machine_unknown", True, remedy))
        return []
    candidates = list_candidates(work, facts)
    for limit in list_runtime_limits(facts):
        trace.reason(Stage.FEASIBILITY, limit.code, limit.data)
        trace.alternatives.append(local_alternative(None, limit))
    for candidate in [one for one in candidates if not one.is_possible][:MAX_TOLD_MODELS]:
        limit = candidate.hard_limits[0]
        trace.reason(Stage.FEASIBILITY, limit.code, limit.data)
        trace.alternatives.append(local_alternative(candidate.model.name, limit))
    count = len([one for one in candidates if one.is_possible])
    if count:
        trace.reason(Stage.FEASIBILITY, "local_candidates", {"count": count})
    return candidates


def _close_cloud(work: Work, facts: MachineFacts | None, trace: Trace) -> str | None:
    """The code of what removes the cloud from the candidates, None when it is one."""
    blocker = work.permission.blocker
    if blocker is not None:
        trace.reason(Stage.FEASIBILITY, "cloud_not_permitted")
        is_unclassified = work.permission.classification is Classification.UNCLASSIFIED
        remedy = (
            Remedy("request_classification", command="kirikae request classify")
            if is_unclassified
            else Remedy("request_exception", command="kirikae request exception")
        )
        trace.alternatives.append(Alternative(Backend.CLOUD, None, blocker, True, remedy))
        return blocker
    code = _why_unreachable(work, facts)
    if code is not None:
        trace.reason(Stage.FEASIBILITY, code, {"task": work.task.id})
        remedy = Remedy("wait_for_cloud" if code == "cloud_unavailable" else "go_online")
        trace.alternatives.append(Alternative(Backend.CLOUD, None, code, True, remedy))
    return code


def _why_unreachable(work: Work, facts: MachineFacts | None) -> str | None:
    """The code of what keeps permitted work from the cloud."""
    if work.is_offline:
        return "offline_requested"
    if work.task.implies_offline:
        return "task_implies_offline"
    if facts is not None and facts.state.is_cloud_available is False:
        return "cloud_unavailable"
    return None


def _prefer(work: Work, facts: MachineFacts | None, candidates: Sequence[Candidate], trace: Trace) -> Preferred:
    preferred = settle_either(preferred_side(work, facts), work, facts, candidates)
    for reason in preferred.reasons:
        trace.reasons.append(reason)
    trace.near_misses += preferred.near_misses
    return preferred


def _choose(work: Work, candidates: Sequence[Candidate], preferred: Preferred, closed: str | None) -> Outcome:
    """The backend. The cloud is reached only when nothing closed it."""
    selected = select(candidates, work.task)
    if closed is not None:
        if selected is not None:
            return Outcome(Backend.LOCAL, selected=selected)
        return Outcome(Backend.NONE, refusal=_refusal(work.permission))
    # A local model with reservations gives way to the cloud, which has none.
    is_local_free = selected is not None and not selected.candidate.soft_limits
    if preferred.side is Preference.LOCAL and is_local_free:
        return Outcome(Backend.LOCAL, selected=selected)
    return Outcome(Backend.CLOUD, selected=selected)


def _refusal(permission: Permission) -> str:
    if permission.effect is Effect.BLOCK:
        return "blocked_by_rule"
    return "no_local_backend" if permission.is_protected else "no_backend_available"
