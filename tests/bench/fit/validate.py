"""Cross-validation: rows are predicted with constants that were fitted without their machine, or their source."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, inf

from routing.engine.fit.constants import PREFILL, SPEED, PrefillConstants, SpeedConstants
from tests.bench.fit.predict import decode_rate, prefill_rate
from tests.bench.fit.rows import Row
from tests.bench.fit.solve import fit_decode, fit_prefill

# Shorter prompts measure the start of a runtime more than the reading.
SHORTEST_PROMPT = 100


@dataclass(frozen=True)
class Outcome:
    """One figure of one row. `what` is decode, prefill or memory; units are the row's own."""

    row: Row
    what: str
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        return abs(self.predicted / self.measured - 1)

    @property
    def ratio(self) -> float:
        """Measured over predicted: what a range around the prediction has to cover."""
        return self.measured / self.predicted


def outcomes_of(
    rows: Iterable[Row], *, speed: SpeedConstants = SPEED, prefill: PrefillConstants = PREFILL
) -> list[Outcome]:
    """Rows whose model, chip or quantization is unknown give none."""
    found: list[Outcome] = []
    for row in rows:
        for what, measured, predicted in (
            ("decode", row.decode_tokens_per_s, decode_rate(row, speed, prefill)),
            ("prefill", row.prompt_tokens_per_s, prefill_rate(row, prefill)),
            ("memory", row.peak_bytes, row.needed_bytes),
        ):
            is_asked = what != "prefill" or row.prompt_tokens >= SHORTEST_PROMPT
            if measured and predicted and is_asked:
                found.append(Outcome(row, what, measured, predicted))
    return found


def leave_out(rows: Sequence[Row], key: Callable[[Row], str]) -> list[Outcome]:
    """Every row predicted without those that share its key."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    found: list[Outcome] = []
    for name, own in groups.items():
        others = [row for row in rows if key(row) != name]
        prefill = fit_prefill(others)
        found += outcomes_of(own, speed=fit_decode(others, prefill), prefill=prefill)
    return found


def conformal_quantile(errors: Iterable[float], share: float) -> float:
    """The error below which one more row of the kind lies with that chance: few rows give a wider one.

    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World: the ceil((n + 1) share)-th smallest.
    Infinite where there are too few rows to say.
    """
    ordered = sorted(errors)
    place = ceil((len(ordered) + 1) * share)
    return ordered[place - 1] if place <= len(ordered) else inf


def machine_of(row: Row) -> str:
    return row.machine


def source_of(row: Row) -> str:
    """The repository or thread that the row was read in, without the file's date."""
    return row.source.split(" (")[0].rpartition("-")[0] or row.source
