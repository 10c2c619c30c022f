"""The report with what takes longer than `ask` may: models on disk while their runtime is down, shapes of models.

`ask` and `run` take these facts from the last report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from kirikae.collect import hugging_face, installed_lm_studio, installed_ollama
from kirikae.collect.command import run_command
from kirikae.collect.hardware import read_gpu_limit
from kirikae.collect.reading import Absent, Reading, Run, Scalar
from kirikae.collect.report import HARDWARE, collect_report, hardware_of_this_boot
from kirikae.collect.runtime_facts import Model, Runtime, known_model, text_of
from kirikae.collect.runtimes import MAX_RUNTIMES, REPORT_BUDGET_S, may_ask
from kirikae.collect.shape_cache import ShapeCache
from kirikae.fetch import FetchError, fetch
from kirikae.home import Home

PROPS_BUDGET_S = 0.2
MLX_URL = "http://127.0.0.1:8080"


def collect_full_report(home: Home) -> dict[str, object]:
    refresh_gpu_limit(home)
    return collect_report(home, budget_s=REPORT_BUDGET_S, complete=lambda found: add_installed(found, home))


def refresh_gpu_limit(home: Home, read: Callable[[], Reading[Scalar]] = read_gpu_limit) -> None:
    """Hardware is kept until the next boot, but this limit is set by hand, and only after one."""
    kept = hardware_of_this_boot(home)
    limit = read()
    if isinstance(limit, Absent) or limit == kept.values.get("gpu_limit_bytes"):
        return
    absences = [one for one in kept.absences if one.get("field") != "hardware.gpu_limit_bytes"]
    document = home.read_json(HARDWARE) | {"values": {**kept.values, "gpu_limit_bytes": limit}, "absences": absences}
    home.keep_json(HARDWARE, document)


def add_installed(runtimes: tuple[Runtime, ...], home: Home, *, run: Run = run_command) -> tuple[Runtime, ...]:
    """Completes the runtimes that answer, and adds those that do not but have models here."""
    shapes = ShapeCache(home)
    on_disk: Mapping[str, tuple[str, Callable[[], tuple[Model, ...]]]] = {
        "ollama": (
            installed_ollama.DEFAULT_URL,
            lambda: installed_ollama.list_models(installed_ollama.models_folder(), shapes),
        ),
        "lm_studio": (installed_lm_studio.DEFAULT_URL, lambda: _lm_studio_models(shapes, run)),
        "mlx_lm": (MLX_URL, hugging_face.list_cached_models),
    }
    completed = [_complete(runtime, shapes, run) for runtime in runtimes]
    for kind, (url, list_models) in on_disk.items():
        if may_ask(url) and not any(runtime.kind == kind and runtime.state != "down" for runtime in completed):
            completed = _with_models_of_disk(completed, Runtime(kind, url, "down", models=list_models()))
    shapes.save()
    return tuple(completed[:MAX_RUNTIMES])


def _with_models_of_disk(runtimes: list[Runtime], stopped: Runtime) -> list[Runtime]:
    """The disk is newer than what the last report knew. An address where something else answers is not told twice."""
    known = [runtime for runtime in runtimes if runtime.kind == stopped.kind]
    if known:
        return [one._replace(models=stopped.models) if one is known[0] else one for one in runtimes]
    taken = any(runtime.base_url == stopped.base_url for runtime in runtimes)
    return runtimes if taken or not stopped.models else [*runtimes, stopped]


def _complete(runtime: Runtime, shapes: ShapeCache, run: Run) -> Runtime:
    if runtime.state != "up" or not runtime.models:
        return runtime
    if runtime.kind == "llama_cpp":
        return _complete_llama_cpp(runtime, shapes)
    if runtime.kind == "ollama":
        installed = installed_ollama.list_models(installed_ollama.models_folder(), shapes)
        return _with_shapes(runtime, Runtime("ollama", runtime.base_url, "down", models=installed))
    return _complete_lm_studio(runtime, shapes, run) if runtime.kind == "lm_studio" else runtime


def _with_shapes(runtime: Runtime, installed: Runtime) -> Runtime:
    """A file is the model's own when its size is, too: another Ollama may serve other models by these names."""

    def shaped(model: Model) -> Model:
        own = known_model(installed, model.name)
        same = own is not None and own.size_bytes == model.size_bytes
        return model._replace(geometry=own.geometry) if own and same else model

    return runtime._replace(models=tuple(shaped(model) for model in runtime.models))


def _complete_llama_cpp(runtime: Runtime, shapes: ShapeCache) -> Runtime:
    """The server names its file; a name that is no path of this disk is left alone."""
    try:
        props = fetch(f"{runtime.base_url}/props", deadline=monotonic() + PROPS_BUDGET_S).found()
    except FetchError:
        return runtime
    path = text_of(props, "model_path", limit=4096) if isinstance(props, dict) else None
    header = shapes.read(Path(path)) if path and Path(path).is_absolute() else None
    if header is None or len(runtime.models) != 1:
        return runtime
    return runtime._replace(models=(runtime.models[0]._replace(geometry=header.geometry),))


def _complete_lm_studio(runtime: Runtime, shapes: ShapeCache, run: Run) -> Runtime:
    tool = installed_lm_studio.find_tool()
    if tool is None:
        return installed_lm_studio.with_origins(runtime, (), link_off=False)
    entries = installed_lm_studio.list_by_tool(run, tool)
    paths = {text_of(entry, "modelKey"): text_of(entry, "path", limit=1024) for entry in entries}

    def shaped(model: Model) -> Model:
        path = paths.get(model.name)
        header = shapes.read(installed_lm_studio.models_folder() / path) if path else None
        return model._replace(geometry=header.geometry if header else None)

    known = installed_lm_studio.with_origins(runtime, entries, link_off=installed_lm_studio.is_link_off(run, tool))
    return known._replace(models=tuple(shaped(model) for model in known.models))


def _lm_studio_models(shapes: ShapeCache, run: Run) -> tuple[Model, ...]:
    """The folder first: the tool may start LM Studio's service to answer."""
    models = installed_lm_studio.list_models(installed_lm_studio.models_folder(), shapes)
    tool = installed_lm_studio.find_tool()
    if models or tool is None:
        return models
    return installed_lm_studio.parse_list(installed_lm_studio.list_by_tool(run, tool), link_off=False)
