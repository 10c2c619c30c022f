"""MLX models on this disk: in the Hugging Face cache, or a folder of `config.json` and safetensors anywhere."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from kirikae.collect.model_shape import geometry_of_config
from kirikae.collect.regular_file import MAX_JSON_BYTES, open_regular, read_small_json
from kirikae.collect.runtime_facts import MAX_MODELS, Model, mapping_of, number_of, text_of, total_of

# What mlx_lm.server itself looks for before it offers a model of the cache.
NEEDED_FILES = ("config.json", "tokenizer_config.json")
MAX_COMMIT_BYTES = 128
REPOSITORY = re.compile(r"models--([\w.\-]{1,96})--([\w.\-]{1,96})")


def list_cached_models() -> tuple[Model, ...]:
    """Models with MLX weights; others in the cache (of PyTorch and so on) are of no use to a runtime here."""
    found = (describe_folder(name, folder) for name, folder in _repositories())
    return tuple(model for model in found if model.format == "mlx")[:MAX_MODELS]


def find_folder(repository: str) -> Path | None:
    """The newest snapshot of `organisation/name`."""
    if not re.fullmatch(r"[\w.\-]{1,96}/[\w.\-]{1,96}", repository):
        return None
    return _snapshot(cache_folder() / f"models--{repository.replace('/', '--')}")


def cache_folder() -> Path:
    named, home = os.environ.get("HF_HUB_CACHE"), os.environ.get("HF_HOME")
    if named:
        return Path(named).expanduser()
    root = Path(home).expanduser() if home else Path.home() / ".cache" / "huggingface"
    return root / "hub"


def describe_folder(name: str, folder: Path, *, loaded: bool = False) -> Model:
    """`format` is None where the weights are not of MLX: its converter writes `quantization` or marks the files."""
    config = read_small_json(folder / "config.json")
    geometry = geometry_of_config(config)
    quantization = mapping_of(config, "quantization") or mapping_of(config, "quantization_config")
    bits = number_of(quantization, "bits")
    is_mlx = bool(mapping_of(config, "quantization")) or text_of(_weights_metadata(folder), "format") == "mlx"
    window = geometry.get("context_tokens") if geometry else None
    return Model(
        name=name,
        quantization=f"{bits}bit" if bits else text_of(config, "torch_dtype", limit=20),
        format="mlx" if is_mlx else None,
        size_bytes=_weights_bytes(folder),
        parameters=number_of(mapping_of(_index(folder), "metadata"), "total_parameters"),
        loaded=loaded,
        max_context_tokens=window if isinstance(window, int) else None,
        remote=False,
        vision=bool(mapping_of(config, "vision_config")),
        geometry=geometry,
    )


def _repositories() -> Iterator[tuple[str, Path]]:
    try:
        folders = sorted(cache_folder().iterdir())
    except OSError:
        return
    for folder in folders:
        match = REPOSITORY.fullmatch(folder.name)
        snapshot = _snapshot(folder) if match else None
        if match and snapshot and all((snapshot / needed).is_file() for needed in NEEDED_FILES):
            yield f"{match.group(1)}/{match.group(2)}", snapshot


def _snapshot(folder: Path) -> Path | None:
    try:
        with open_regular(folder / "refs" / "main") as file:
            commit = file.read(MAX_COMMIT_BYTES).decode("ascii", "replace").strip()
    except OSError:
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if re.fullmatch(r"[0-9a-f]{1,64}", commit) and snapshot.is_dir() else None


def _weights_bytes(folder: Path) -> int | None:
    try:
        return total_of(file.stat().st_size for file in folder.glob("*.safetensors")) or None
    except OSError:
        return None


def _index(folder: Path) -> Mapping[str, object]:
    return read_small_json(folder / "model.safetensors.index.json")


def _weights_metadata(folder: Path) -> Mapping[str, object]:
    """The `__metadata__` of the first weights file, whose header is length-prefixed JSON."""
    first = min(folder.glob("*.safetensors"), default=None)
    if first is None:
        return {}
    try:
        with open_regular(first) as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= MAX_JSON_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return mapping_of(header, "__metadata__")
