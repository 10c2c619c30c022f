"""What a decision came to, and how it is told: why this backend, what is lost, what was not taken."""

from collections.abc import Sequence
from typing import NamedTuple

from ..answer import Alternative, Backend, Stage
from ..policy.values import Preference
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
