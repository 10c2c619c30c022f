"""`kirikae bench`: measures loaded local models, keeps the results here and sends them."""

from __future__ import annotations

import argparse

from kirikae.bench import bench_model
from kirikae.collect.report import last_runtimes
from kirikae.collect.runtime_facts import Model, Runtime, entries_of
from kirikae.collect.runtimes import REPORT_BUDGET_S, find_runtimes
from kirikae.errors import PreflightError, UsageError
from kirikae.home import Home
from kirikae.portal_client import PortalClient
from kirikae.texts import say

BENCHMARKS = "benchmarks.json"
MAX_KEPT = 50


def execute(arguments: argparse.Namespace, home: Home) -> int:
    home.get_enrolment()
    results = [bench_model(runtime, model) for runtime, model in _candidates(home, only=arguments.model)]
    for result in results:
        print(
            say(
                "bench.result",
                model=result["model"],
                prompt=result["prompt_tokens_per_s"],
                decode=result["decode_tokens_per_s"],
                first=result["first_token_s"],
            )
        )
    keep_benchmarks(home, results)
    _send(home, results)
    return 0


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


def keep_benchmarks(home: Home, results: list[dict[str, object]]) -> None:
    """The newest per runtime version, model and quantization; `ask` and `run` decide with them."""
    kept = {_subject(entry): entry for entry in [*entries_of(home.read_json(BENCHMARKS), "benchmarks"), *results]}
    home.write_json(BENCHMARKS, {"benchmarks": list(kept.values())[-MAX_KEPT:]})


def _subject(entry: object) -> tuple[object, ...]:
    fields = ("runtime", "runtime_version", "model", "quantization", "depth_tokens")
    return tuple(entry.get(field) for field in fields) if isinstance(entry, dict) else ()


def _send(home: Home, results: list[dict[str, object]]) -> None:
    with PortalClient.of_this_machine(home) as client:
        client.post("/api/v1/benchmarks", {"benchmarks": results})
