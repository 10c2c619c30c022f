"""What a decision came to, and how it is told: why this backend, what is lost, what was not taken."""

from collections.abc import Sequence

from ..answer import (
    Alternative,
    Backend,
    ChosenModel,
    ChosenRuntime,
    Context,
    Expected,
    Launch,
    NearMiss,
    Note,
    Obligation,
    Reason,
    Stage,
)
from ..named_tuple import NamedTuple
from ..policy.values import Preference
from ..prefixes import PrefixProfile
from . import launch
from .feasibility import Candidate
from .preference import Preferred
from .selection import Selected
from .trace import Trace
from .work import Limit, Work

# A machine with hundreds of models would drown the reader; the first ones in the report's order are told.
MAX_TOLD_MODELS = 20


class Outcome(NamedTuple):
    backend: Backend
    selected: Selected | None = None
    refusal: str | None = None


class Settled(NamedTuple):
    """What stages 2 to 6 say: the answer without its privacy stage and without what only this request knows."""

    backend: Backend
    refusal: str | None
    model: ChosenModel | None
    runtime: ChosenRuntime | None
    context: Context
    reasons: tuple[Reason, ...]
    near_misses: tuple[NearMiss, ...]
    warnings: tuple[Note, ...]
    alternatives: tuple[Alternative, ...]
    obligations: tuple[Obligation, ...]
    expected: Expected | None
    launch: Launch | None


def local_alternative(model: str | None, limit: Limit) -> Alternative:
    return Alternative(Backend.LOCAL, model, limit.code, limit.is_hard, limit.remedy)


def tell_outcome(
    outcome: Outcome, work: Work, candidates: Sequence[Candidate], preferred: Preferred, trace: Trace
) -> None:
    selected = outcome.selected
    if outcome.backend is Backend.NONE:
        trace.reason(Stage.FALLBACK, "nothing_permitted")
    elif outcome.backend is Backend.CLOUD:
        _tell_cloud(selected, work, preferred, trace)
    elif selected is not None:
        _tell_local(selected, work, preferred, trace)
        _tell_passed_over(selected, candidates, trace)


def _tell_cloud(selected: Selected | None, work: Work, preferred: Preferred, trace: Trace) -> None:
    if preferred.side is Preference.CLOUD:
        trace.reason(Stage.FALLBACK, "preferred_backend", {"backend": "cloud"})
    else:
        trace.reason(Stage.FALLBACK, "fallback_to_cloud")
        trace.warn("allowance_spent", task=work.task.id)
    if selected is None:
        return
    candidate = selected.candidate
    if candidate.soft_limits and preferred.side is Preference.LOCAL:
        trace.alternatives.append(local_alternative(candidate.model.name, candidate.soft_limits[0]))
    else:
        code = preferred.reasons[-1].code
        trace.alternatives.append(Alternative(Backend.LOCAL, candidate.model.name, code, is_hard=False))


def _tell_local(selected: Selected, work: Work, preferred: Preferred, trace: Trace) -> None:
    model = selected.candidate.model.name
    trace.reason(Stage.SELECTION, selected.code, {"model": model})
    for note in selected.warnings:
        trace.warn(note.code, **note.data)
    if preferred.side is Preference.CLOUD:
        trace.reason(Stage.FALLBACK, "fallback_to_local")
        trace.warn("quality_loss_local", task=work.task.id, model=model)
    else:
        trace.reason(Stage.FALLBACK, "preferred_backend", {"backend": "local"})
    if not any(one.backend is Backend.CLOUD for one in trace.alternatives):
        trace.alternatives.append(Alternative(Backend.CLOUD, None, preferred.reasons[-1].code, is_hard=False))


def _tell_passed_over(selected: Selected, candidates: Sequence[Candidate], trace: Trace) -> None:
    others = [one for one in candidates if one.is_possible and one is not selected.candidate]
    for other in others[:MAX_TOLD_MODELS]:
        code = other.soft_limits[0].code if other.soft_limits else selected.code
        trace.alternatives.append(Alternative(Backend.LOCAL, other.model.name, code, is_hard=False))


def settled_by(outcome: Outcome, work: Work, trace: Trace) -> Settled:
    candidate = outcome.selected.candidate if outcome.selected and outcome.backend is Backend.LOCAL else None
    obligations, recipe = _obligations(outcome, work, candidate)
    if recipe is not None:
        trace.reason(Stage.OBLIGATIONS, f"profile_{recipe.profile}")
    return Settled(
        backend=outcome.backend,
        refusal=outcome.refusal,
        model=_model(candidate),
        runtime=_runtime(candidate),
        context=_context(candidate, outcome, work),
        reasons=tuple(trace.reasons),
        near_misses=tuple(trace.near_misses),
        warnings=tuple(trace.warnings),
        alternatives=tuple(trace.alternatives),
        obligations=obligations,
        expected=candidate.expected if candidate else None,
        launch=recipe,
    )


def _obligations(
    outcome: Outcome, work: Work, candidate: Candidate | None
) -> tuple[tuple[Obligation, ...], Launch | None]:
    client = launch.launched_client(work.client)
    if candidate is not None:
        model, runtime = candidate.model, candidate.runtime
        target = launch.LocalTarget(
            runtime.base_url, model.name, candidate.limit_tokens, candidate.profile, str(runtime.kind)
        )
        recipe = launch.local_launch(
            target, client, is_protected=work.is_protected, classification=work.permission.classification
        )
        return launch.local_obligations(target, is_protected=work.is_protected), recipe
    if outcome.backend is Backend.CLOUD:
        protected = work.protected_folders
        return launch.cloud_obligations(protected), launch.cloud_launch(protected, client)
    return (), None


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
    task_tokens = work.context_tokens
    if candidate is not None:
        prefix = candidate.total_tokens - task_tokens
        return Context(task_tokens, prefix, candidate.limit_tokens, candidate.limit_by)
    if outcome.backend is Backend.CLOUD:
        return Context(task_tokens, work.prefixes.tokens(work.client, PrefixProfile.FULL), None, None)
    prefix = work.prefixes.tokens(work.client, work.profiles()[-1])
    return Context(task_tokens, prefix, work.limits.local_context_tokens, "org")
