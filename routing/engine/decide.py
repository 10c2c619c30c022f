"""The decision: the only place where a backend is chosen. The order of evaluation stands in the package's docstring."""

from collections.abc import Sequence

from . import ENGINE_VERSION
from .answer import (
    Alternative,
    Answer,
    Backend,
    ChosenModel,
    ChosenRuntime,
    Context,
    Obligation,
    Privacy,
    Remedy,
    Stage,
)
from .bundle_value import Bundle
from .effects import Classification, Effect
from .errors import WireError
from .facts import MachineFacts, Situation
from .policy.values import Preference, TaskCategory
from .prefixes import PrefixProfile
from .request import ClientName, TaskRequest
from .stages import launch
from .stages.feasibility import Candidate, list_candidates, list_runtime_limits
from .stages.outcome import MAX_TOLD_MODELS, Outcome, local_alternative, tell_outcome
from .stages.preference import Preferred, preferred_side, settle_either
from .stages.privacy import Judgement, judge_privacy
from .stages.selection import select
from .stages.trace import Trace
from .stages.work import Work


def decide(request: TaskRequest, *, bundle: Bundle, facts: MachineFacts | None, situation: Situation) -> Answer:
    """The answer to one request. Its only error is WireError `task.unknown`; everything else becomes an answer.

    `facts` is None when the asking machine is unknown: then no local model is a candidate.
    """
    task = find_task(request, bundle)
    trace = Trace()
    judged = judge_privacy(request, task, bundle, situation, trace)
    work = _plan(request, task, bundle, judged, situation, trace)
    candidates = _collect_candidates(work, facts, judged, trace)
    closed = _close_cloud(work, facts, judged, trace)
    preferred = _prefer(work, facts, candidates, bundle, trace)
    outcome = _choose(work, candidates, preferred, closed, judged)
    tell_outcome(outcome, work, candidates, preferred, trace)
    return _answer(outcome, work, facts, judged, bundle, trace)


def decide_privacy(request: TaskRequest, *, bundle: Bundle, situation: Situation) -> Privacy:
    """The part of the answer that follows from request and policy alone, without any facts. Raises as `decide`."""
    return judge_privacy(request, find_task(request, bundle), bundle, situation, Trace()).privacy


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
    request: TaskRequest,
    task: TaskCategory,
    bundle: Bundle,
    judged: Judgement,
    situation: Situation,
    trace: Trace,
) -> Work:
    asked = request.parallel_agents if request.parallel_agents is not None else task.parallel_agents
    if judged.is_protected and asked > 1:
        trace.warn("parallel_agents_reduced", asked=asked)
    if task.is_retired:
        trace.warn("task_retired", task=task.id)
    if not bundle.prefixes.is_known(request.client):
        trace.warn("client_unknown")
    if judged.is_protected and request.client is not None and request.client.name is not ClientName.CLAUDE:
        trace.warn("client_unproven", client=str(request.client.name))
    return Work(
        request=request,
        task=task,
        policy=bundle.policy,
        prefixes=bundle.prefixes,
        catalogue=bundle.catalogue,
        is_protected=judged.is_protected,
        model_rules=judged.model_rules,
        needs=tuple(dict.fromkeys((*task.needs, *request.needs))),
        situation=situation,
    )


def _collect_candidates(work: Work, facts: MachineFacts | None, judged: Judgement, trace: Trace) -> list[Candidate]:
    if judged.privacy.effect is Effect.BLOCK:
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
        limit = next(limit for limit in candidate.limits if limit.is_hard)
        trace.reason(Stage.FEASIBILITY, limit.code, limit.data)
        trace.alternatives.append(local_alternative(candidate.model.name, limit))
    count = sum(one.is_possible for one in candidates)
    if count:
        trace.reason(Stage.FEASIBILITY, "local_candidates", {"count": count})
    return candidates


def _close_cloud(work: Work, facts: MachineFacts | None, judged: Judgement, trace: Trace) -> str | None:
    """The code of what removes the cloud from the candidates, None when it is one."""
    if judged.blocker is not None:
        trace.reason(Stage.FEASIBILITY, "cloud_not_permitted")
        is_unclassified = judged.privacy.classification is Classification.UNCLASSIFIED
        remedy = (
            Remedy("request_classification", command="kirikae request classify")
            if is_unclassified
            else Remedy("request_exception", command="kirikae request exception")
        )
        trace.alternatives.append(Alternative(Backend.CLOUD, None, judged.blocker, True, remedy))
        return judged.blocker
    code = _why_unreachable(work, facts)
    if code is not None:
        trace.reason(Stage.FEASIBILITY, code, {"task": work.task.id})
        remedy = Remedy("wait_for_cloud" if code == "cloud_unavailable" else "go_online")
        trace.alternatives.append(Alternative(Backend.CLOUD, None, code, True, remedy))
    return code


def _why_unreachable(work: Work, facts: MachineFacts | None) -> str | None:
    """The code of what keeps permitted work from the cloud."""
    if work.request.is_offline:
        return "offline_requested"
    if work.task.implies_offline:
        return "task_implies_offline"
    if facts is not None and facts.state.is_cloud_available is False:
        return "cloud_unavailable"
    return None


def _prefer(
    work: Work, facts: MachineFacts | None, candidates: Sequence[Candidate], bundle: Bundle, trace: Trace
) -> Preferred:
    total_tokens = work.total_tokens(work.profiles()[0])
    preferred = preferred_side(work, facts, zone=bundle.rules.zone, total_tokens=total_tokens)
    preferred = settle_either(preferred, work, facts, candidates)
    for reason in preferred.reasons:
        trace.reasons.append(reason)
    trace.near_misses += preferred.near_misses
    return preferred


def _choose(
    work: Work, candidates: Sequence[Candidate], preferred: Preferred, closed: str | None, judged: Judgement
) -> Outcome:
    """The backend. The cloud is reached only when nothing closed it."""
    selected = select(candidates, work.task)
    if closed is not None:
        if selected is not None:
            return Outcome(Backend.LOCAL, selected=selected)
        return Outcome(Backend.NONE, refusal=_refusal(judged))
    # A local model with reservations gives way to the cloud, which has none.
    is_local_free = selected is not None and not selected.candidate.soft_limits
    if preferred.side is Preference.LOCAL and is_local_free:
        return Outcome(Backend.LOCAL, selected=selected)
    return Outcome(Backend.CLOUD, selected=selected)


def _refusal(judged: Judgement) -> str:
    if judged.privacy.effect is Effect.BLOCK:
        return "blocked_by_rule"
    return "no_local_backend" if judged.is_protected else "no_backend_available"


def _answer(
    outcome: Outcome,
    work: Work,
    facts: MachineFacts | None,
    judged: Judgement,
    bundle: Bundle,
    trace: Trace,
) -> Answer:
    candidate = outcome.selected.candidate if outcome.selected and outcome.backend is Backend.LOCAL else None
    obligations: tuple[Obligation, ...] = ()
    recipe = None
    client = launch.launched_client(work.client)
    if candidate is not None:
        model, runtime = candidate.model, candidate.runtime
        target = launch.LocalTarget(
            runtime.base_url, model.name, candidate.limit_tokens, candidate.profile, str(runtime.kind)
        )
        obligations = launch.local_obligations(target, is_protected=work.is_protected)
        recipe = launch.local_launch(
            target, client, is_protected=work.is_protected, classification=judged.privacy.classification
        )
    elif outcome.backend is Backend.CLOUD:
        protected = bundle.rules.protected_folders
        obligations, recipe = launch.cloud_obligations(protected), launch.cloud_launch(protected, client)
    if recipe is not None:
        trace.reason(Stage.OBLIGATIONS, f"profile_{recipe.profile}")
    return Answer(
        task=work.task.id,
        is_task_assumed=work.request.is_task_assumed,
        backend=outcome.backend,
        refusal=outcome.refusal,
        privacy=judged.privacy,
        model=_model(candidate),
        runtime=_runtime(candidate),
        machine=facts.machine if facts else work.request.machine,
        context=_context(candidate, outcome, work),
        reasons=tuple(trace.reasons),
        near_misses=tuple(trace.near_misses),
        warnings=tuple(trace.warnings),
        alternatives=tuple(trace.alternatives),
        obligations=obligations,
        expected=candidate.expected if candidate else None,
        launch=recipe,
        revision=bundle.revision,
        engine=ENGINE_VERSION,
    )


def _model(candidate: Candidate | None) -> ChosenModel | None:
    if candidate is None:
        return None
    model = candidate.model
    return ChosenModel(model.name, model.quantization, model.format, str(candidate.tier))


def _runtime(candidate: Candidate | None) -> ChosenRuntime | None:
    if candidate is None:
        return None
    runtime = candidate.runtime
    return ChosenRuntime(str(runtime.kind), runtime.version, runtime.base_url)


def _context(candidate: Candidate | None, outcome: Outcome, work: Work) -> Context:
    task_tokens = max(work.request.context_tokens, 0)
    if candidate is not None:
        prefix = candidate.total_tokens - task_tokens
        return Context(task_tokens, prefix, candidate.limit_tokens, candidate.limit_by)
    if outcome.backend is Backend.CLOUD:
        return Context(task_tokens, work.prefixes.tokens(work.client, PrefixProfile.FULL), None, None)
    prefix = work.prefixes.tokens(work.client, work.profiles()[-1])
    return Context(task_tokens, prefix, work.policy.limits.local_context_tokens, "org")
