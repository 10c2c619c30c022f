"""The decision: the only place where a backend is chosen. The order of evaluation stands in the package's docstring."""

from collections.abc import Sequence
from functools import lru_cache

from . import ENGINE_VERSION
from .answer import Alternative, Answer, Backend, Privacy, Remedy, Stage
from .bundle_value import Bundle
from .effects import Classification, Effect
from .errors import WireError
from .facts import Benchmark, Hardware, MachineFacts, MachineState, RuntimeFacts, Situation
from .policy.values import Preference, TaskCategory
from .request import ClientName, TaskRequest
from .rules import PrivacyRules
from .stages.feasibility import Candidate, list_candidates, list_runtime_limits
from .stages.outcome import MAX_TOLD_MODELS, Outcome, Settled, local_alternative, settled_by, tell_outcome
from .stages.preference import Preferred, preferred_side, quota_that_counts, settle_either
from .stages.privacy import judge_privacy
from .stages.selection import select
from .stages.trace import Trace
from .stages.work import Circumstances, Permission, Work

_LONGEST_S = 1e300


def decide(request: TaskRequest, *, bundle: Bundle, facts: MachineFacts | None, situation: Situation) -> Answer:
    """The answer to one request. Its only error is WireError `task.unknown`; everything else becomes an answer.

    `facts` is None when the asking machine is unknown: then no local model is a candidate.
    """
    task = find_task(request, bundle)
    concluded, near_misses, warnings = judge_privacy(request, task, bundle, situation)
    work = _plan(request, task, bundle, concluded.permission, situation)
    settled = _settle_once(work, None if facts is None else _what_counts(facts, bundle.rules))
    backend, refusal, model, runtime, context, reasons, near, notes, alternatives, obligations, speed, launch = settled
    # In the order of its fields, as in `_plan`.
    return Answer(
        task.id,
        request.is_task_assumed,
        backend,
        refusal,
        concluded.privacy,
        model,
        runtime,
        request.machine if facts is None else facts.machine,
        context,
        concluded.reasons + reasons,
        near_misses + near,
        warnings + notes,
        alternatives,
        obligations,
        speed,
        launch,
        bundle.revision,
        ENGINE_VERSION,
    )


def decide_privacy(request: TaskRequest, *, bundle: Bundle, situation: Situation) -> Privacy:
    """The part of the answer that follows from request and policy alone, without any facts. Raises as `decide`."""
    return judge_privacy(request, find_task(request, bundle), bundle, situation).conclusion.privacy


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
    """In the order of Work's fields: named, they would take as long again as everything else here."""
    _, _, context_tokens, parallel_agents, needs, is_offline, deadline_s, _, client, _, _ = request
    limits, rules, age_s = bundle.policy.limits, bundle.rules, situation.facts_age_s
    is_old = age_s is not None and age_s > limits.facts_max_age_s
    return Work(
        task,
        permission,
        client,
        max(context_tokens, 0),
        parallel_agents,
        tuple(dict.fromkeys((*task.needs, *needs))) if needs else task.needs,
        is_offline,
        # A figure that is none, or too large for a float, asks for nothing.
        float(deadline_s) if deadline_s is not None and abs(deadline_s) <= _LONGEST_S else None,
        Circumstances(is_old, situation.machine_state, situation.groups, rules.moment(situation.now)),
        limits,
        bundle.policy.overrides,
        bundle.prefixes,
        bundle.catalogue_text,
        rules.protected_folders,
    )


type Counting = tuple[Hardware, MachineState, tuple[RuntimeFacts, ...], tuple[Benchmark, ...]]


def _what_counts(facts: MachineFacts, rules: PrivacyRules) -> Counting:
    """The facts without what differs in every report and decides nothing: free memory, swap, and whose they are."""
    _, hardware, state, runtimes, benchmarks = facts
    _, pressure, _, is_on_battery, is_low_power, quota_left, is_cloud_available = state
    if quota_left is not None and not rules.asks_for_quota:
        quota_left = quota_that_counts(quota_left)
    counting = MachineState(None, pressure, None, is_on_battery, is_low_power, quota_left, is_cloud_available)
    return hardware, counting, runtimes, benchmarks


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
@lru_cache(maxsize=512)
def _settle_once(work: Work, counting: Counting | None) -> Settled:
    return settle(work, None if counting is None else MachineFacts(None, *counting))


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
