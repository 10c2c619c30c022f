"""One of the local candidates: first those free of soft limits, then by rating, load and wait."""

from collections.abc import Sequence

from ..answer import Note
from ..named_tuple import NamedTuple
from ..policy.values import TIERS, TaskCategory
from .feasibility import Candidate


class Selected(NamedTuple):
    """`warnings` are the soft limits that had to be overlooked."""

    candidate: Candidate
    code: str
    warnings: tuple[Note, ...]


def select(candidates: Sequence[Candidate], task: TaskCategory) -> Selected | None:
    """The best of the possible candidates, None when there is none. The order of the list does not matter."""
    possible = [one for one in candidates if one.is_possible]
    if not possible:
        return None
    fewest = min(len(one.soft_limits) for one in possible)
    left = [one for one in possible if len(one.soft_limits) == fewest]
    ranked = sorted(left, key=lambda one: (*_criteria(one, task), _name(one)))
    best = ranked[0]
    return Selected(
        candidate=best,
        code=_deciding_code(ranked, task),
        warnings=tuple(Note(limit.code, limit.data) for limit in (*best.soft_limits, *best.notes)),
    )


def _criteria(candidate: Candidate, task: TaskCategory) -> tuple[float, ...]:
    """Smaller is better. Demanding reasoning puts the rating first, everything else the wait."""
    tier = -TIERS.index(candidate.tier)
    is_unloaded = 0 if candidate.model.is_loaded else 1
    wait = candidate.wait_s if candidate.wait_s is not None else float("inf")
    return (tier, is_unloaded, wait) if task.axes.reasoning == "high" else (is_unloaded, wait, tier)


def _name(candidate: Candidate) -> tuple[str, str, str, str]:
    runtime = candidate.runtime
    return candidate.model.name, candidate.model.quantization or "", str(runtime.kind), runtime.base_url


def _deciding_code(ranked: Sequence[Candidate], task: TaskCategory) -> str:
    """The first criterion in which the best differs from the second."""
    if len(ranked) == 1:
        return "selected_only"
    codes = ("selected_loaded", "selected_wait", "selected_tier")
    if task.axes.reasoning == "high":
        codes = ("selected_tier", "selected_loaded", "selected_wait")
    pairs = zip(_criteria(ranked[0], task), _criteria(ranked[1], task), strict=True)
    return next((code for code, (best, second) in zip(codes, pairs, strict=True) if best != second), "selected_name")
