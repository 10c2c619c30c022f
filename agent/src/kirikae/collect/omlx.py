"""oMLX: MLX models with paged caches; its list names itself as the owner, its status tells sizes and what is loaded."""

from __future__ import annotations

from collections.abc import Mapping

from kirikae.collect.runtime_facts import MAX_VERSION, Model, Runtime, entries_of, number_of, text_of
from kirikae.fetch import Response, fetch

KIND = "omlx"
# Engines that read weights of this disk; anything else may be a relay to another machine.
LOCAL_ENGINES = frozenset({"batched", "simple", "vlm"})


def is_omlx(listing: Response) -> bool:
    entries = entries_of(listing.found(), "data")
    return bool(entries) and all(entry.get("owned_by") == "omlx" for entry in entries)


def read_runtime(base_url: str, listing: Response, *, deadline: float) -> Runtime:
    """The status routes want the key when there is one; what they would tell is then unknown."""
    details = fetch(f"{base_url}/v1/models/status", deadline=deadline).found()
    version = fetch(f"{base_url}/api/status", deadline=deadline).found()
    return Runtime(
        KIND,
        base_url,
        "up",
        version=text_of(version, "version", limit=MAX_VERSION) if isinstance(version, dict) else None,
        messages_api=True,
        models=parse_models(listing.json(), details),
    )


def parse_models(listing: object, details: object) -> tuple[Model, ...]:
    known = {text_of(entry, "id"): entry for entry in entries_of(details, "models")}
    names = [text_of(entry, "id") for entry in entries_of(listing, "data")]
    return tuple(_model(name, known.get(name, {})) for name in dict.fromkeys(names) if name)


def _model(name: str, status: Mapping[str, object]) -> Model:
    size_bytes = number_of(status, "estimated_size") or None
    is_loaded = status.get("loaded") is True
    context = number_of(status, "max_context_window")
    return Model(
        name=name,
        format="mlx",
        size_bytes=size_bytes,
        loaded=is_loaded,
        effective_context_tokens=context,
        memory_bytes=number_of(status, "actual_size") or None if is_loaded else None,
        remote=False if size_bytes and status.get("engine_type") in LOCAL_ENGINES else None,
        vision=status.get("model_type") == "vlm" if status else None,
    )
