"""All runs of one model: the depths that fit, medians and spreads, and an end as soon as memory gets short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import monotonic

from kirikae.bench.conditions import DEPTHS_TOKENS, Conditions, read_conditions, why_too_deep
from kirikae.bench.run import GENERATED_TOKENS, Run, Runner
from kirikae.bench.runners import RUNNERS
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.errors import PreflightError
from kirikae.fetch import FetchError
from kirikae.moments import now, write_moment

METHOD = "kirikae-2"
MIN_RUNS, MAX_RUNS = 3, 7
# More runs are made until the median is this sure, or until a depth has taken long enough.
ENOUGH_SPREAD = 0.02
DEPTH_TIME_S = 120.0
# A prompt made of words counts as the depth that was meant within this share.
DEPTH_TOLERANCE = 0.05


@dataclass
class Outcome:
    """`benchmarks` as the portal takes them; `skipped` depths with their reason; `pressure` that ended it."""

    benchmarks: list[dict[str, object]] = field(default_factory=list)
    skipped: list[tuple[int, str]] = field(default_factory=list)
    pressure: str | None = None


type Progress = Callable[[int, int], None]  # depth in tokens, runs made of MAX_RUNS


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
    conditions = conditions or read_conditions
    outcome = Outcome()
    runner = make_runner(runtime, model)
    pace: Run | None = None
    for depth in depths:
        current = conditions()
        if current.is_under_pressure:
            outcome.pressure = current.memory_pressure
            break
        reason = why_too_deep(depth, model, current) or _why_too_slow(depth, pace)
        if reason is not None:
            outcome.skipped.append((depth, reason))
            continue
        try:
            runs = _runs(runner, depth, progress=progress, conditions=conditions)
        except (FetchError, KeyError, TypeError, IndexError, StopIteration, ZeroDivisionError) as error:
            if not outcome.benchmarks:
                raise PreflightError("bench.failed", model=model.name, runtime=runtime.base_url) from error
            outcome.skipped.append((depth, "failed"))
            break
        if len(runs) < MIN_RUNS:
            outcome.pressure = conditions().memory_pressure or "unknown"
            break
        outcome.benchmarks.append(_benchmark(runtime, model, runs, depth=depth, conditions=current))
        pace, model = runs[-1], latest(model)
    return outcome


def _runs(runner: Runner, depth: int, *, progress: Progress, conditions: Callable[[], Conditions]) -> list[Run]:
    """Fewer than MIN_RUNS when memory got short meanwhile."""
    started = monotonic()
    progress(depth, 0)
    runner.run(depth)
    runs: list[Run] = []
    while len(runs) < MAX_RUNS and not conditions().is_under_pressure:
        runs.append(runner.run(depth))
        progress(depth, len(runs))
        is_late = monotonic() - started > DEPTH_TIME_S
        if len(runs) >= MIN_RUNS and (is_late or max(spreads(runs)) <= ENOUGH_SPREAD):
            break
    return runs


def spreads(runs: Sequence[Run]) -> tuple[float, float]:
    """How far prompt and decode rates lie apart around their medians: mean absolute deviation, as a share."""
    return (
        _spread([run.prompt_tokens_per_s for run in runs]),
        _spread([run.decode_tokens_per_s for run in runs]),
    )


def _spread(values: Sequence[float]) -> float:
    middle = median(values)
    return median(abs(value - middle) for value in values) / middle


def _why_too_slow(depth: int, pace: Run | None) -> str | None:
    if pace is None:
        return None
    run_s = depth / pace.prompt_tokens_per_s + GENERATED_TOKENS / pace.decode_tokens_per_s
    return "time" if run_s * (MIN_RUNS + 1) > 3 * DEPTH_TIME_S else None


def _benchmark(
    runtime: Runtime, model: Model, runs: Sequence[Run], *, depth: int, conditions: Conditions
) -> dict[str, object]:
    counted = round(median(run.prompt_tokens for run in runs))
    prompt_spread, decode_spread = spreads(runs)
    return {
        "runtime": runtime.kind,
        "runtime_version": runtime.version or runs[-1].runtime_version,
        "model": model.name,
        "quantization": model.quantization,
        "depth_tokens": depth if abs(counted - depth) <= depth * DEPTH_TOLERANCE else counted,
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
