"""Ollama: installed models, which are loaded with which context, and which are computed in its cloud."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from kirikae.collect.runtime_facts import (
    MAX_LABEL,
    MAX_VERSION,
    Model,
    Runtime,
    entries_of,
    mapping_of,
    number_of,
    parse_parameters,
    text_of,
)
from kirikae.fetch import FetchError, Response, fetch

KIND = "ollama"
# A cloud model is a stub of a few hundred bytes; no usable weights are smaller than this.
SMALLEST_WEIGHTS_BYTES = 64 * 1024
MESSAGES_API_SINCE = (0, 14)


def find_version(answer: Response) -> str | None:
    """The version when this answer of /api/version comes from Ollama."""
    if answer.status != 200:
        return None
    document = answer.json()
    return text_of(document, "version", limit=MAX_VERSION) if isinstance(document, dict) else None


def read_runtime(base_url: str, version: str, *, deadline: float, known: Mapping[str, Model]) -> Runtime:
    """`known`: models of the last report; what never changes for a size is taken from there, not asked again."""
    tags = _get(base_url, "/api/tags", deadline=deadline)
    models = parse_models(tags, _get(base_url, "/api/ps", deadline=deadline))
    return Runtime(
        KIND,
        base_url,
        "up",
        version=version,
        messages_api=_speaks_messages(version),
        models=tuple(_with_details(base_url, model, known.get(model.name), deadline=deadline) for model in models),
    )


def parse_models(tags: object, running: object) -> tuple[Model, ...]:
    loaded = {text_of(entry, "name"): entry for entry in entries_of(running, "models")}
    return tuple(
        _model(name, entry, loaded.get(name))
        for entry in entries_of(tags, "models")
        if (name := text_of(entry, "name"))
    )


def add_details(model: Model, show: object) -> Model:
    """What /api/show tells about one model."""
    if not isinstance(show, dict):
        return model
    info = mapping_of(show, "model_info")
    architecture = text_of(info, "general.architecture")
    capabilities = show.get("capabilities")
    has = capabilities.__contains__ if isinstance(capabilities, list) else lambda _name: None
    return model._replace(
        parameters=number_of(info, "general.parameter_count") or model.parameters,
        max_context_tokens=number_of(info, f"{architecture}.context_length"),
        remote=True if show.get("remote_host") or show.get("remote_model") else model.remote,
        tools=has("tools"),
        vision=has("vision"),
    )


def is_remote(name: str, entry: Mapping[str, object]) -> bool | None:
    tag = name.partition(":")[2]
    if entry.get("remote_host") or entry.get("remote_model") or tag == "cloud" or tag.endswith("-cloud"):
        return True
    size_bytes = number_of(entry, "size")
    return False if size_bytes is not None and size_bytes >= SMALLEST_WEIGHTS_BYTES else None


def _get(base_url: str, path: str, *, deadline: float) -> object:
    answer = fetch(base_url + path, deadline=deadline)
    if answer.status != 200:
        raise FetchError("http_error")
    return answer.json()


def _model(name: str, entry: Mapping[str, object], running: Mapping[str, object] | None) -> Model:
    details = mapping_of(entry, "details")
    return Model(
        name=name,
        quantization=text_of(details, "quantization_level", limit=MAX_LABEL),
        format=text_of(details, "format", limit=MAX_LABEL),
        size_bytes=number_of(entry, "size"),
        parameters=parse_parameters(text_of(details, "parameter_size")),
        loaded=running is not None,
        # Only a loaded model has a context that holds; older versions do not tell it.
        effective_context_tokens=number_of(running, "context_length") if running else None,
        memory_bytes=number_of(running, "size") if running else None,
        remote=is_remote(name, entry),
    )


def _with_details(base_url: str, model: Model, known: Model | None, *, deadline: float) -> Model:
    # What was read from the disk does not tell the tools.
    if known is not None and known.size_bytes == model.size_bytes and known.tools is not None:
        return model._replace(
            parameters=known.parameters,
            max_context_tokens=known.max_context_tokens,
            remote=known.remote if model.remote is False else model.remote,
            tools=known.tools,
            vision=known.vision,
            geometry=known.geometry,
        )
    if model.remote:
        return model
    try:
        answer = fetch(f"{base_url}/api/show", deadline=deadline, body=json.dumps({"model": model.name}).encode())
        return add_details(model, answer.json()) if answer.status == 200 else model
    except FetchError:
        # The listing is known by now: a slow or odd answer about one model must not lose the others.
        return model


def _speaks_messages(version: str) -> bool | None:
    match = re.match(r"(\d{1,4})\.(\d{1,4})\.", version)
    return (int(match.group(1)), int(match.group(2))) >= MESSAGES_API_SINCE if match else None
