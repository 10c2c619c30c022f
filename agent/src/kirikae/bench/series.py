"""The runs of one model at one depth, and whether there are enough of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from time import monotonic

from kirikae.bench.certainty import spread, uncertainty
from kirikae.bench.conditions import Conditions
from kirikae.bench.run import Run, Runner

# As many as a slow model gets, as many as let its median be sure, and as many as a restless machine gets.
MIN_RUNS, ENOUGH_RUNS, RESTLESS_RUNS = 3, 5, 25
# Short runs are disturbed most and cost least: there a restless machine gets as many as this time holds.
RESTLESS_TIME_S, MAX_RUNS = 30.0, 100
# No more runs are made when the medians are this sure, or when they have taken this long. Of four measurements that are
# each sure to within 2 % the two farthest apart lie within 5 %, as a rule.
SURE_WITHIN = 0.02
DEPTH_TIME_S = 120.0
# Processors raise their clock, and runtimes prepare for a length of prompt, within the first second.
WARM_UP_S = 1.0
# A prompt made of words counts as the depth that was meant within this share.
DEPTH_TOLERANCE = 0.05


@dataclass
class Series:
    """`conditions` at its beginning."""

    depth_tokens: int
    conditions: Conditions
    runs: list[Run] = field(default_factory=list)
    _taken_s: float = 0.0

    def warm_up(self, runner: Runner) -> None:
        """A run that does not count, and a second one where it was short in time or, to learn from it, in tokens."""
        run = self._take(runner)
        if self._taken_s < WARM_UP_S or not self._is_deep(run.prompt_tokens):
            self._take(runner)

    def add_run(self, runner: Runner) -> None:
        self.runs.append(self._take(runner))

    @property
    def is_done(self) -> bool:
        count = len(self.runs)
        if count >= MAX_RUNS or (count >= MIN_RUNS and self._taken_s > DEPTH_TIME_S):
            return True
        if count >= RESTLESS_RUNS and self._taken_s > RESTLESS_TIME_S:
            return True
        return count >= ENOUGH_RUNS and self.uncertainty <= SURE_WITHIN

    @property
    def uncertainty(self) -> float:
        """Of the median that is less sure, as a share of it."""
        return max(uncertainty(rates) for rates in self._rates())

    @property
    def spreads(self) -> tuple[float, float]:
        """Of prompt and decode rates."""
        prompt, decode = (spread(rates) for rates in self._rates())
        return prompt, decode

    @property
    def counted_depth_tokens(self) -> int:
        """What the runtime read, where that is not what was meant: it may cut prompts."""
        counted = round(median(run.prompt_tokens for run in self.runs))
        return self.depth_tokens if self._is_deep(counted) else counted

    def _is_deep(self, prompt_tokens: int) -> bool:
        return abs(prompt_tokens - self.depth_tokens) <= self.depth_tokens * DEPTH_TOLERANCE

    def _rates(self) -> tuple[list[float], list[float]]:
        return [run.prompt_tokens_per_s for run in self.runs], [run.decode_tokens_per_s for run in self.runs]

    def _take(self, runner: Runner) -> Run:
        started = monotonic()
        run = runner.run(self.depth_tokens)
        self._taken_s += monotonic() - started
        return run
