"""What measured runs say about an estimate: a run of the same model here, runs of its kind here, the team's other Macs.

A run is worth its ratio to the formula at its own depth, so that it speaks for other contexts too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

from ..named_tuple import NamedTuple
from .constants import CORRECTION_WEIGHT

# Model, quantization, and whether MLX ran it.
type RunKey = tuple[str, str, bool]


class Factors(NamedTuple):
    """What the formula's tokens per second are multiplied by."""

    decode: float
    prefill: float | None


class Run(NamedTuple):
    """One measured run beside the formula's own rates at that depth; None where the formula knows no rate."""

    key: RunKey
    model_class: str
    depth_tokens: int
    decode_tokens_per_s: float
    prompt_tokens_per_s: float | None
    formula_decode: float | None
    formula_prefill: float | None

    @property
    def factors(self) -> Factors | None:
        if self.formula_decode is None:
            return None
        prefill = None
        if self.prompt_tokens_per_s is not None and self.formula_prefill:
            prefill = self.prompt_tokens_per_s / self.formula_prefill
        return Factors(self.decode_tokens_per_s / self.formula_decode, prefill)


class Learned(NamedTuple):
    """Prepared once for a machine, used for every row of its table."""

    own: Mapping[RunKey, tuple[Run, ...]] = {}
    # The same model in another quantization or engine counts nearly as much as the very same.
    same_model: Mapping[str, Factors] = {}
    classes: Mapping[str, Factors] = {}
    fleet: Mapping[RunKey, Factors] = {}

    def nearest(self, key: RunKey, depth_tokens: float) -> Run | None:
        """The run of this very model here whose depth is nearest; of equals the first, which is the newest."""
        runs = self.own.get(key)
        return min(runs, key=lambda run: abs(run.depth_tokens - depth_tokens)) if runs else None

    def find_factors(self, key: RunKey, model_class: str) -> tuple[Factors, str] | None:
        """What stands in for a run of its own, and the name of that basis."""
        found = self.same_model.get(key[0]) or self.classes.get(model_class)
        if found is not None:
            return found, "corrected"
        fleet = self.fleet.get(key)
        return (fleet, "fleet") if fleet is not None else None


NOTHING_LEARNED = Learned()

# Outside of it a run was measured on something else: another chip, another model, a Mac that was swapping.
_PLAUSIBLE = (0.3, 2.0)
# For other Macs it has to be closer: nine of ten public runs lie within 25 % of the formula, and the next faster chip
# of a generation is half as fast again.
_PLAUSIBLE_FOR_OTHERS = (0.5, 1.4)


def is_plausible(run: Run, *, for_others: bool = False) -> bool:
    """Whether it may speak for anything. One that no formula can be held against has to be believed."""
    factors = run.factors
    if factors is None:
        return True
    low, high = _PLAUSIBLE_FOR_OTHERS if for_others else _PLAUSIBLE
    # Reading a prompt varies more: some runtimes count what they had in their cache.
    return low <= factors.decode <= high and (factors.prefill is None or low / 3 <= factors.prefill <= high * 3)


def learn(own: Iterable[Run], fleet: Mapping[RunKey, Factors]) -> Learned:
    """`own` newest first. Runs that no formula can be held against speak only for themselves."""
    by_key: dict[RunKey, list[Run]] = defaultdict(list)
    by_model: dict[str, list[Factors]] = defaultdict(list)
    by_class: dict[str, list[Factors]] = defaultdict(list)
    for run in own:
        if not is_plausible(run):
            continue
        by_key[run.key].append(run)
        if run.factors is not None:
            by_model[run.key[0]].append(run.factors)
            by_class[run.model_class].append(run.factors)
    return Learned(
        own={key: tuple(runs) for key, runs in by_key.items()},
        same_model={name: middle_of(found) for name, found in by_model.items()},
        classes={name: half_of(middle_of(found)) for name, found in by_class.items()},
        fleet=fleet,
    )


def middle_of(found: Sequence[Factors]) -> Factors:
    """The median of each."""
    prefill = [one.prefill for one in found if one.prefill is not None]
    return Factors(_median([one.decode for one in found]), _median(prefill) if prefill else None)


def _median(values: list[float]) -> float:
    """Of at least one. The module `statistics` would cost each `ask` ten milliseconds of import."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def half_of(factors: Factors) -> Factors:
    """One run of a kind is no proof for all of it: it counts for half, which was tried to be best."""

    def weaken(value: float) -> float:
        return exp(CORRECTION_WEIGHT * log(value)) if value > 0 else 1.0

    return Factors(weaken(factors.decode), None if factors.prefill is None else weaken(factors.prefill))
