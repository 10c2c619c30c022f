"""LM Studio: installed models and which are loaded with which context.

Its lists do not say which device computes a model: through LM Link that may be another machine. Only the vendor's
command line tells whether the link is off (`installed_lm_studio`), so here the origin is what the last report found.
"""

from __future__ import annotations

from collections.abc import Mapping

from kirikae.collect.runtime_facts import (
    MAX_LABEL,
    Model,
    Runtime,
    entries_of,
    flag_of,
    known_model,
    mapping_of,
    number_of,
    parse_parameters,
    text_of,
)
from kirikae.fetch import fetch

KIND = "lm_studio"
EMBEDDINGS = frozenset({"embedding", "embeddings"})
# Refused for its emptiness by a server that has the route: nothing is generated.
EMPTY_REQUEST = b"{}"


def find_runtime(base_url: str, *, deadline: float, known: Runtime | None) -> Runtime | None:
    """By the REST lists that no other runtime has: v1 since 0.4, v0 before (without sizes, without Messages)."""
    listing = fetch(f"{base_url}/api/v1/models", deadline=deadline).found()
    if any("loaded_instances" in entry for entry in entries_of(listing, "models")):
        messages_api = _speaks_messages(base_url, deadline=deadline, known=known)
        return Runtime(KIND, base_url, "up", messages_api=messages_api, models=parse_models(listing, known))
    older = fetch(f"{base_url}/api/v0/models", deadline=deadline).found()
    if any("compatibility_type" in entry for entry in entries_of(older, "data")):
        return Runtime(KIND, base_url, "up", messages_api=False, models=parse_older_models(older, known))
    return None


def parse_models(listing: object, known: Runtime | None = None) -> tuple[Model, ...]:
    return tuple(
        _model(name, entry, known)
        for entry in entries_of(listing, "models")
        if (name := text_of(entry, "key")) and text_of(entry, "type") not in EMBEDDINGS
    )


def parse_older_models(listing: object, known: Runtime | None = None) -> tuple[Model, ...]:
    return tuple(
        Model(
            name=name,
            quantization=text_of(entry, "quantization", limit=MAX_LABEL),
            format=text_of(entry, "compatibility_type", limit=MAX_LABEL),
            loaded=entry.get("state") == "loaded",
            effective_context_tokens=number_of(entry, "loaded_context_length"),
            max_context_tokens=number_of(entry, "max_context_length"),
            remote=_origin(known, name),
            vision=entry.get("type") == "vlm",
        )
        for entry in entries_of(listing, "data")
        if (name := text_of(entry, "id")) and text_of(entry, "type") not in EMBEDDINGS
    )


def _model(name: str, entry: Mapping[str, object], known: Runtime | None) -> Model:
    capabilities = mapping_of(entry, "capabilities")
    instances = entries_of(entry, "loaded_instances")
    contexts = [number_of(mapping_of(instance, "config"), "context_length") for instance in instances]
    return Model(
        name=name,
        quantization=text_of(mapping_of(entry, "quantization"), "name", limit=MAX_LABEL),
        format=text_of(entry, "format", limit=MAX_LABEL),
        size_bytes=number_of(entry, "size_bytes"),
        parameters=parse_parameters(text_of(entry, "params_string")),
        loaded=bool(instances),
        # A request may meet any of the instances: the smallest context holds for all.
        effective_context_tokens=min((context for context in contexts if context is not None), default=None),
        max_context_tokens=number_of(entry, "max_context_length"),
        remote=_origin(known, name),
        tools=flag_of(capabilities, "trained_for_tool_use"),
        vision=flag_of(capabilities, "vision"),
    )


def _origin(known: Runtime | None, name: str) -> bool | None:
    """What was found while the runtime was down says nothing about the link."""
    model = known_model(known, name) if known is not None and known.state == "up" else None
    return model.remote if model else None


def _speaks_messages(base_url: str, *, deadline: float, known: Runtime | None) -> bool | None:
    """A missing route is told with status 200 and a sentence; once found, the route does not go away."""
    if known is not None and known.kind == KIND and known.messages_api:
        return True
    answer = fetch(f"{base_url}/v1/messages", deadline=deadline, body=EMPTY_REQUEST)
    if answer.status in {400, 422}:
        return True
    return False if answer.status in {200, 404, 405} else None
