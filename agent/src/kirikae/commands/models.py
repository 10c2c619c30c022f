"""`kirikae models`: the runtimes of this machine and their models, as they are now."""

from __future__ import annotations

import argparse

from kirikae.collect.report import last_runtimes
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.collect.runtimes import REPORT_BUDGET_S, find_runtimes
from kirikae.home import Home
from kirikae.texts import say

PLACES = {False: "models.local", True: "models.remote", None: "models.unknown"}


def execute(_arguments: argparse.Namespace, home: Home) -> int:
    runtimes = find_runtimes(budget_s=REPORT_BUDGET_S, known=last_runtimes(home))
    if not runtimes:
        print(say("models.none"))
    for runtime in runtimes:
        print(describe_runtime(runtime))
        for model in runtime.models:
            print(_describe_model(model))
    return 0


def describe_runtime(runtime: Runtime) -> str:
    state = say(f"state.{runtime.state}", reason=runtime.reason)
    return say("models.runtime", kind=runtime.kind, version=runtime.version or "", url=runtime.base_url, state=state)


def _describe_model(model: Model) -> str:
    return say(
        "models.model",
        name=model.name,
        quantization=model.quantization or say("unknown"),
        context=model.effective_context_tokens or say("unknown"),
        place=say(PLACES[model.remote]),
    )
