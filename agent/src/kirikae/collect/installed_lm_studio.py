"""LM Studio's models from its folder or its command line tool, and whether its link to other machines is off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from kirikae.collect.command import run_command
from kirikae.collect.gguf_header import SPLIT, is_later_part
from kirikae.collect.hugging_face import describe_folder
from kirikae.collect.lm_studio import EMBEDDINGS
from kirikae.collect.reading import Absent, Run
from kirikae.collect.runtime_facts import (
    MAX_LABEL,
    MAX_MODELS,
    Model,
    Runtime,
    entries_of,
    flag_of,
    mapping_of,
    number_of,
    parse_parameters,
    text_of,
    total_of,
)
from kirikae.collect.shape_cache import ShapeCache

DEFAULT_URL = "http://127.0.0.1:1234"
LINK_OFF = frozenset({"disabled", "offline"})


def models_folder() -> Path:
    return Path.home() / ".lmstudio" / "models"


def find_tool() -> str | None:
    """launchd's PATH does not hold it, so its place is looked at as well."""
    own = Path.home() / ".lmstudio" / "bin" / "lms"
    return shutil.which("lms") or (str(own) if own.is_file() else None)


def is_link_off(run: Run, tool: str) -> bool:
    """False also when it cannot be told."""
    status = text_of(_mapping(_ask(run, [tool, "link", "status", "--json"])), "status")
    return status is not None and status.lower() in LINK_OFF


def list_by_tool(run: Run, tool: str) -> list[Mapping[str, object]]:
    return entries_of({"models": _ask(run, [tool, "ls", "--json"])}, "models")


def with_origins(runtime: Runtime, entries: Sequence[Mapping[str, object]], *, link_off: bool) -> Runtime:
    """A model that the tool does not list stays of unknown origin, as do all without the tool."""
    by_name = {text_of(entry, "modelKey"): entry for entry in entries}

    def origin(model: Model) -> bool | None:
        entry = by_name.get(model.name)
        return origin_of(entry, link_off=link_off) if entry else None

    return runtime._replace(models=tuple(model._replace(remote=origin(model)) for model in runtime.models))


def ask_origins(runtime: Runtime, run: Run = run_command) -> Runtime:
    """As the tool tells them now: before a launch, what the last report found may be hours old."""
    tool = find_tool()
    if tool is None:
        return with_origins(runtime, (), link_off=False)
    return with_origins(runtime, list_by_tool(run, tool), link_off=is_link_off(run, tool))


def parse_list(entries: Sequence[Mapping[str, object]], *, link_off: bool) -> tuple[Model, ...]:
    return tuple(
        Model(
            name=name,
            quantization=text_of(mapping_of(entry, "quantization"), "name", limit=MAX_LABEL),
            format=text_of(entry, "format", limit=MAX_LABEL),
            size_bytes=number_of(entry, "sizeBytes"),
            parameters=parse_parameters(text_of(entry, "paramsString")),
            max_context_tokens=number_of(entry, "maxContextLength"),
            remote=origin_of(entry, link_off=link_off),
            tools=flag_of(entry, "trainedForToolUse"),
            vision=flag_of(entry, "vision"),
        )
        for entry in entries
        if (name := text_of(entry, "modelKey")) and entry.get("type") not in EMBEDDINGS
    )


def origin_of(entry: Mapping[str, object], *, link_off: bool) -> bool | None:
    """A device of its own is another machine; without one, the model may still be served through an open link."""
    if entry.get("deviceIdentifier") is not None:
        return True
    return False if link_off else None


def list_models(folder: Path, shapes: ShapeCache) -> tuple[Model, ...]:
    """`PUBLISHER/REPOSITORY/` holds GGUF files, large ones in parts, or one MLX model."""
    repositories = [path for path in sorted(folder.glob("*/*")) if path.is_dir()]
    found = [model for path in repositories for model in _repository(path, shapes)]
    return tuple(model for model in found if text_of({"name": model.name}, "name"))[:MAX_MODELS]


def _repository(folder: Path, shapes: ShapeCache) -> Iterator[Model]:
    name = f"{folder.parent.name}/{folder.name}"
    files = [path for path in sorted(folder.glob("*.gguf")) if not path.name.startswith("mmproj")]
    if not files and (folder / "config.json").is_file():
        yield describe_folder(name, folder)
    for _, parts in groupby(files, key=lambda path: SPLIT.sub("", path.stem)):
        yield _gguf(name, list(parts), shapes)


def _gguf(name: str, parts: Sequence[Path], shapes: ShapeCache) -> Model:
    model = Model(name=name, format="gguf", size_bytes=_size(parts), remote=False)
    header = shapes.read(parts[0]) if not is_later_part(parts[0]) else None
    if header is None:
        return model
    return model._replace(
        quantization=header.quantization,
        # Of a model in parts, the first file knows its own tensors only.
        parameters=header.parameters if len(parts) == 1 else None,
        max_context_tokens=header.context_tokens,
        geometry=header.geometry if len(parts) == 1 else without_counts(header.geometry),
    )


def without_counts(geometry: Mapping[str, object] | None) -> Mapping[str, object] | None:
    counts = {"parameters", "active_parameters", "moe_layers"}
    return {key: value for key, value in geometry.items() if key not in counts} if geometry else None


def _size(parts: Sequence[Path]) -> int | None:
    try:
        return total_of(path.stat().st_size for path in parts)
    except OSError:
        return None


def _ask(run: Run, argv: Sequence[str]) -> object:
    output = run(argv)
    if isinstance(output, Absent):
        return None
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return None


def _mapping(document: object) -> Mapping[str, object]:
    return document if isinstance(document, dict) else {}
