"""Ollama's models as they lie on the disk: readable while it is down, stubs of its cloud included."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from kirikae.collect.ollama import is_remote
from kirikae.collect.regular_file import read_small_json
from kirikae.collect.runtime_facts import (
    MAX_LABEL,
    MAX_MODELS,
    Model,
    entries_of,
    mapping_of,
    number_of,
    parse_parameters,
    text_of,
    total_of,
)
from kirikae.collect.shape_cache import ShapeCache

DEFAULT_URL = "http://127.0.0.1:11434"
# Both are left out of the name that Ollama shows.
DEFAULT_HOST, DEFAULT_NAMESPACE = "registry.ollama.ai", "library"
WEIGHTS = "application/vnd.ollama.image.model"
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
# Where the Linux installer's service keeps them.
SERVICE_FOLDER = Path("/usr/share/ollama/.ollama/models")


def models_folder() -> Path:
    named = os.environ.get("OLLAMA_MODELS")
    if named:
        return Path(named).expanduser()
    own = Path.home() / ".ollama" / "models"
    return own if (own / "manifests").is_dir() or not (SERVICE_FOLDER / "manifests").is_dir() else SERVICE_FOLDER


def list_models(folder: Path, shapes: ShapeCache) -> tuple[Model, ...]:
    models = [_model(name, path, folder, shapes) for name, path in _manifests(folder)]
    return tuple(model for model in models if model is not None)


def _manifests(folder: Path) -> Iterator[tuple[str, Path]]:
    """`manifests/HOST/NAMESPACE/MODEL/TAG`, at most as many as a report takes."""
    paths = sorted((folder / "manifests").glob("*/*/*/*"))
    for path in [path for path in paths if path.is_file()][:MAX_MODELS]:
        host, namespace, model, tag = path.relative_to(folder / "manifests").parts
        place = [host] if host != DEFAULT_HOST else []
        place += [namespace] if place or namespace != DEFAULT_NAMESPACE else []
        yield "/".join([*place, f"{model}:{tag}"]), path


def _model(name: str, path: Path, folder: Path, shapes: ShapeCache) -> Model | None:
    """None for a manifest without anything to run, or with a name that the wire refuses."""
    manifest = read_small_json(path)
    config = mapping_of(manifest, "config")
    details = read_small_json(_blob(folder, config)) if config else {}
    layers = entries_of(manifest, "layers")
    size_bytes = total_of(number_of(part, "size") or 0 for part in [config, *layers])
    if text_of({"name": name}, "name") is None or not (layers or config):
        return None
    weights = next((layer for layer in layers if layer.get("mediaType") == WEIGHTS), None)
    header = shapes.read(_blob(folder, weights)) if weights else None
    return Model(
        name=name,
        quantization=text_of(details, "file_type", limit=MAX_LABEL) or (header.quantization if header else None),
        format=text_of(details, "model_format", limit=MAX_LABEL),
        size_bytes=size_bytes,
        parameters=(header.parameters if header else None) or parse_parameters(text_of(details, "model_type")),
        max_context_tokens=header.context_tokens if header else None,
        remote=is_remote(name, {**details, "size": size_bytes}),
        geometry=header.geometry if header else None,
    )


def _blob(folder: Path, part: Mapping[str, object]) -> Path:
    """Digests name files: anything but a digest names none."""
    match = DIGEST.fullmatch(text_of(part, "digest") or "")
    return folder / "blobs" / (f"sha256-{match.group(1)}" if match else "none")
