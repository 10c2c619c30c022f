"""All runs of one model: the depths that fit, medians and spreads, and an end as soon as memory gets short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from kirikae.bench.conditions import DEPTHS_TOKENS, Conditions, read_conditions, why_too_deep
from kirikae.bench.run import GENERATED_TOKENS, Run, Runner
from kirikae.bench.runners import RUNNERS
from kirikae.bench.series import DEPTH_TIME_S, MIN_RUNS, SURE_WITHIN, Series
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.errors import PreflightError
from kirikae.fetch import FetchError
from kirikae.moments import now, write_moment

METHOD = "kirikae-4"
# What a runner raises for answers that are wrong.
FAILURES = (FetchError, KeyError, TypeError, IndexError, StopIteration, ZeroDivisionError)


@dataclass
class Outcome:
    """`benchmarks` as the portal takes them; `skipped` depths with their reason; `pressure` that ended it.

    `unsteady`: depths of benchmarks whose medians are not sure, and to what share of them they are.
    """

    benchmarks: list[dict[str, object]] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)
    unsteady: list[tuple[int, float]] = field(default_factory=list)
    pressure: str | None = None


type Progress = Callable[[int, int], None]  # depth in tokens, runs made


def measure_model(
    runtime: Runtime,
    model: Model,
    *,
    progress: Progress = lambda _depth, _runs: None,
    conditions: Callable[[], Conditions] | None = None,
    latest: Callable[[Model], Model] = lambda model: model,
    depths: Sequence[int] = DEPTHS_TOKENS,
) -> Outcome:
    """`latest` tells the model again: some runtimes know its context only once it is loaded.

    Raises PreflightError when the runtime fails, or is of a kind that is not measured."""
    make_runner = RUNNERS.get(runtime.kind)
    if make_runner is None:
        raise PreflightError("bench.not_measured", runtime=runtime.base_url)
    measuring = _Measuring(make_runner(runtime, model), progress, conditions or read_conditions)
    try:
        measuring.begin(depths, model, latest)
        measuring.go_on()
    except FAILURES as error:
        if not measuring.usable():
            raise PreflightError("bench.failed", model=model.name, runtime=runtime.base_url) from error
        measuring.note_failure()
    return measuring.outcome_of(runtime, model)


class _Measuring:
    def __init__(self, runner: Runner, progress: Progress, conditions: Callable[[], Conditions]) -> None:
        self._runner, self._progress, self._conditions = runner, progress, conditions
        self._series: list[Series] = []
        self._outcome = Outcome()

    def begin(self, depths: Sequence[int], model: Model, latest: Callable[[Model], Model]) -> None:
        """The least runs of each depth, the shallow ones first: they are kept when a deep one has no room."""
        for depth in depths:
            current = self._conditions()
            if self._is_stopped_by(current):
                return
            reason = why_too_deep(depth, model, current) or _why_too_slow(depth, self._pace())
            if reason is not None:
                self._outcome.skipped.append((depth, reason))
                continue
            series = Series(depth, current)
            self._series.append(series)
            self._progress(depth, 0)
            series.warm_up(self._runner)
            while len(series.runs) < MIN_RUNS:
                if not self._add_run(series):
                    return
            model = latest(model)

    def go_on(self) -> None:
        """One run of each depth in turn: what disturbs the machine for a while then falls on few runs of each."""
        while waiting := [series for series in self._series if not series.is_done]:
            for series in waiting:
                if not self._add_run(series):
                    return

    def usable(self) -> list[Series]:
        return [series for series in self._series if len(series.runs) >= MIN_RUNS]

    def note_failure(self) -> None:
        failed = [series.depth_tokens for series in self._series if len(series.runs) < MIN_RUNS]
        self._outcome.skipped += [(depth, "failed") for depth in failed]

    def outcome_of(self, runtime: Runtime, model: Model) -> Outcome:
        for series in self.usable():
            benchmark = _benchmark(runtime, model, series)
            self._outcome.benchmarks.append(benchmark)
            if series.uncertainty > SURE_WITHIN:
                self._outcome.unsteady.append((series.counted_depth_tokens, series.uncertainty))
        return self._outcome

    def _add_run(self, series: Series) -> bool:
        """False when memory got short."""
        if self._is_stopped_by(self._conditions()):
            return False
        series.add_run(self._runner)
        self._progress(series.depth_tokens, len(series.runs))
        return True

    def _is_stopped_by(self, current: Conditions) -> bool:
        if current.is_under_pressure:
            self._outcome.pressure = current.memory_pressure or "unknown"
        return self._outcome.pressure is not None

    def _pace(self) -> Run | None:
        return self._series[-1].runs[-1] if self._series else None


def _why_too_slow(depth: int, pace: Run | None) -> str | None:
    if pace is None:
        return None
    run_s = depth / pace.prompt_tokens_per_s + GENERATED_TOKENS / pace.decode_tokens_per_s
    return "time" if run_s * (MIN_RUNS + 1) > 3 * DEPTH_TIME_S else None


def _benchmark(runtime: Runtime, model: Model, series: Series) -> dict[str, object]:
    runs, conditions = series.runs, series.conditions
    prompt_spread, decode_spread = series.spreads
    return {
        "runtime": runtime.kind,
        "runtime_version": runtime.version or runs[-1].runtime_version,
        "model": model.name,
        "quantization": model.quantization,
        "depth_tokens": series.counted_depth_tokens,
        "prompt_tokens_per_s": round(median(run.prompt_tokens_per_s for run in runs), 2),
        "decode_tokens_per_s": round(median(run.decode_tokens_per_s for run in runs), 2),
        "first_token_s": round(median(run.first_token_s for run in runs), 4),
        "prompt_spread": round(prompt_spread, 4),
        "decode_spread": round(decode_spread, 4),
        "runs": len(runs),
        "method": METHOD,
        "measured_at": write_moment(now()),
        "memory_pressure": conditions.memory_pressure,
        "on_battery": conditions.on_battery,
        "low_power": conditions.low_power,
    }
