"""`kirikae bench`: measures local models, keeps the results here and sends them."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from kirikae.arguments import Arguments
from kirikae.bench.conditions import DEPTHS_TOKENS
from kirikae.bench.measuring import Outcome, measure_model
from kirikae.bench.progress import ProgressBar
from kirikae.bench.series import ENOUGH_RUNS
from kirikae.collect.report import last_runtimes
from kirikae.collect.runtime_facts import Model, Runtime, known_model
from kirikae.collect.runtimes import REPORT_BUDGET_S, find_runtimes, probe_runtime
from kirikae.commands.report import send_report
from kirikae.errors import PreflightError, UsageError
from kirikae.fetch import FetchError
from kirikae.home import Home
from kirikae.launching.model_checks import check_model, find_checks
from kirikae.portal.benchmarks import keep_benchmarks
from kirikae.texts import say


def execute(arguments: Arguments, home: Home) -> int:
    home.get_enrolment()
    stopped: dict[str, object] = {}
    depths = _depths(arguments.depth)
    for runtime, model in _candidates(home, only=arguments.model):
        outcome = _measure(runtime, model, depths=depths)
        keep_benchmarks(home, outcome.benchmarks)
        _tell(outcome, model)
        if outcome.pressure is None and runtime.messages_api:
            check_once(home, runtime, model)
        if outcome.pressure is not None:
            stopped = {"model": model.name, "level": say(f"pressure.{outcome.pressure}")}
            break
    # The report carries what the models answered, so that portal and wrapper decide alike; it sends the results too.
    send_report(home)
    if stopped:
        raise PreflightError("bench.under_pressure", **stopped)
    return 0


def _depths(asked: Sequence[int] | None) -> Sequence[int]:
    for depth in asked or ():
        if depth not in DEPTHS_TOKENS:
            raise UsageError("bench.unknown_depth", depth=depth)
    return sorted(set(asked)) if asked else DEPTHS_TOKENS


def _candidates(home: Home, *, only: str | None) -> list[tuple[Runtime, Model]]:
    """Models computed here: all loaded ones, or the named one whether loaded or not."""
    runtimes = find_runtimes(budget_s=REPORT_BUDGET_S, known=last_runtimes(home))
    local = [
        (runtime, model)
        for runtime in runtimes
        if runtime.state == "up"
        for model in runtime.models
        if model.remote is False and (model.name == only if only else model.loaded)
    ]
    if local:
        return local
    raise UsageError("bench.unknown_model", model=only) if only else PreflightError("bench.no_model")


def _measure(runtime: Runtime, model: Model, *, depths: Sequence[int]) -> Outcome:
    def latest(measured: Model) -> Model:
        again = probe_runtime(runtime.base_url, deadline=monotonic() + REPORT_BUDGET_S, known=runtime)
        return known_model(again, measured.name) or measured

    bar = ProgressBar(model.name, of_runs=ENOUGH_RUNS)
    try:
        return measure_model(runtime, model, progress=bar, latest=latest, depths=depths)
    finally:
        bar.close()


def check_once(home: Home, runtime: Runtime, model: Model) -> None:
    """So that the first launch need not ask; what came is a fact for the portal either way."""
    if find_checks(home, runtime_version=runtime.version, model=model.name) is not None:
        return
    try:
        checks = check_model(home, runtime.base_url, runtime_version=runtime.version, model=model.name)
    except FetchError:
        print(say("bench.checks_unanswered", model=model.name))
        return
    system, tools = (say("yes" if passed else "no") for passed in (checks.system_in_middle, checks.tool_call))
    print(say("bench.checks", model=model.name, system=system, tools=tools))


def _tell(outcome: Outcome, model: Model) -> None:
    for result in outcome.benchmarks:
        print(
            say(
                "bench.result",
                model=model.name,
                depth=result["depth_tokens"],
                prompt=result["prompt_tokens_per_s"],
                prompt_spread=_percent(result["prompt_spread"]),
                decode=result["decode_tokens_per_s"],
                decode_spread=_percent(result["decode_spread"]),
                first=result["first_token_s"],
                runs=result["runs"],
            )
        )
    for depth, uncertainty in outcome.unsteady:
        print(say("bench.unsteady", model=model.name, depth=depth, share=_percent(uncertainty)))
    for depth, reason in outcome.skipped:
        print(say(f"bench.skipped.{reason}", model=model.name, depth=depth))


def _percent(share: object) -> str:
    return f"{share * 100:.1f}" if isinstance(share, float) else "?"
