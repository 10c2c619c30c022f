"""Checks before a launch: each passes or raises PreflightError with one sentence, and is noted for the receipt."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

from kirikae.collect.runtime_facts import Model, Runtime, base_url_of, mapping_of
from kirikae.collect.runtimes import probe_runtime
from kirikae.engine.stages.loopback import is_loopback
from kirikae.errors import PreflightError
from kirikae.fetch import FetchError
from kirikae.home import Home
from kirikae.launching.becoming import need_time
from kirikae.texts import say

PREFLIGHT_BUDGET_S = 1.0


class Preflight:
    """`notes` go into the receipt: check, whether it passed, the code of the failure."""

    def __init__(self) -> None:
        self.notes: list[dict[str, object]] = []

    @contextmanager
    def check(self, name: str) -> Iterator[None]:
        try:
            yield
        except PreflightError as error:
            self.notes.append({"check": name, "ok": False, "code": error.code})
            raise
        self.notes.append({"check": name, "ok": True, "code": None})


def check_runtime(preflight: Preflight, document: Mapping[str, object]) -> Runtime:
    """The runtime answers and still serves the model from this machine: it may have changed since the answer."""
    base_url = base_url_of(document)
    with preflight.check("loopback"):
        if not is_loopback(base_url):
            raise PreflightError("run.not_loopback", runtime=base_url)
    with preflight.check("runtime"):
        runtime = _responding(base_url)
    with preflight.check("model"):
        model = _served(runtime, str(mapping_of(document, "model").get("name") or ""))
    with preflight.check("context"):
        _check_context(model, mapping_of(document, "context"))
    return runtime


def check_model_once(
    preflight: Preflight, home: Home, runtime: Runtime, *, model: str, needs_tools: bool, tell: Callable[[str], None]
) -> None:
    """Costs an inference at the first launch with this model and version of the runtime; later ones are free.

    A model that calls no tools is told of, and refused where the task needs them; the next decision knows it.
    """
    # 5 ms that a launch in the cloud need not pay.
    from kirikae.launching.model_checks import check_model, find_checks  # noqa: PLC0415

    checks = find_checks(home, runtime_version=runtime.version, model=model)
    with preflight.check("messages_api"):
        if checks is None or not checks.system_in_middle or (needs_tools and not checks.tool_call):
            need_time()
            tell(say("run.checking_model", model=model))
            try:
                checks = check_model(home, runtime.base_url, runtime_version=runtime.version, model=model)
            except FetchError as error:
                code = "run.model_slow" if error.reason == "timeout" else "run.model_no_answer"
                raise PreflightError(code, model=model, runtime=runtime.base_url) from error
        if not checks.system_in_middle:
            raise PreflightError("run.no_system_message", model=model, runtime=runtime.base_url)
    if not checks.tool_call and not needs_tools:
        preflight.notes.append({"check": "tool_call", "ok": False, "code": "run.talks_only"})
        tell(say("run.talks_only", model=model))
        return
    with preflight.check("tool_call"):
        if not checks.tool_call:
            raise PreflightError("run.no_tool_call", model=model, runtime=runtime.base_url)


def tell_on_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _responding(base_url: str) -> Runtime:
    runtime = probe_runtime(base_url, deadline=monotonic() + PREFLIGHT_BUDGET_S)
    if runtime is not None and runtime.state == "loading":
        raise PreflightError("run.runtime_loading", runtime=base_url)
    if runtime is None or runtime.state != "up":
        raise PreflightError("run.runtime_silent", runtime=base_url)
    return _with_origins(runtime) if runtime.kind == "lm_studio" else runtime


def _with_origins(runtime: Runtime) -> Runtime:
    """LM Studio's own list does not tell whether another machine computes a model; its tool takes its time."""
    from kirikae.collect.installed_lm_studio import ask_origins  # noqa: PLC0415

    need_time()
    return ask_origins(runtime)


def _served(runtime: Runtime, name: str) -> Model:
    model = next((one for one in runtime.models if one.name == name), None)
    if model is None:
        raise PreflightError("run.model_missing", model=name, runtime=runtime.base_url)
    if model.remote is not False:
        raise PreflightError("run.model_remote", model=name, runtime=runtime.base_url)
    return model


def _check_context(model: Model, context: Mapping[str, object]) -> None:
    """Only of a loaded model is the context known; one that is not loaded gets it with the first request."""
    wanted, has = context.get("total_tokens"), model.effective_context_tokens
    if isinstance(wanted, int) and has is not None and has < wanted:
        raise PreflightError("run.context_small", model=model.name, has=has, wanted=wanted)
