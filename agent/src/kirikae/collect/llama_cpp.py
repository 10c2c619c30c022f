"""llama-server: one loaded model, its context per slot, and whether it speaks the Messages API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from kirikae.collect.runtime_facts import (
    MAX_LABEL,
    MAX_VERSION,
    Model,
    Runtime,
    entries_of,
    flag_of,
    known_model,
    mapping_of,
    number_of,
    text_of,
)
from kirikae.fetch import FetchError, Response, fetch

KIND = "llama_cpp"
COUNT_TOKENS = b'{"model":"probe","messages":[{"role":"user","content":"hi"}]}'


def is_llama_cpp(listing: Response) -> bool:
    return listing.headers.get("server", "").startswith("llama.cpp")


def read_runtime(base_url: str, listing: Response, *, deadline: float, known: Runtime | None) -> Runtime:
    """`listing` is the answer of /v1/models; every route answers 503 while the model is loading.

    What the last report (`known`) says of the Messages API holds for the same version and is not asked again.
    """
    if listing.status == 503:
        return Runtime(KIND, base_url, "loading")
    if listing.status != 200:
        raise FetchError("http_error")
    props = _props(base_url, deadline=deadline)
    version = text_of(props, "build_info", limit=MAX_VERSION)
    is_known = known is not None and known.version == version and known.messages_api is not None
    return Runtime(
        KIND,
        base_url,
        "up",
        version=version,
        messages_api=known.messages_api if known and is_known else _speaks_messages(base_url, deadline=deadline),
        models=tuple(_with_shape(model, known) for model in parse_models(listing.json(), props)),
    )


def _with_shape(model: Model, known: Runtime | None) -> Model:
    """The file's header was read for the last report; `ask` does not read it again."""
    before = known_model(known, model.name)
    same = before is not None and before.size_bytes == model.size_bytes
    return model._replace(geometry=before.geometry) if before and same else model


def _props(base_url: str, *, deadline: float) -> Mapping[str, object]:
    """Empty when the server wants a key for it: /v1/models stays open, and the rest is told as unknown."""
    answer = fetch(f"{base_url}/props", deadline=deadline)
    props = answer.json() if answer.status == 200 else {}
    return props if isinstance(props, dict) else {}


def _speaks_messages(base_url: str, *, deadline: float) -> bool | None:
    """Counting tokens is the one Messages route that generates nothing."""
    status = fetch(f"{base_url}/v1/messages/count_tokens", deadline=deadline, body=COUNT_TOKENS).status
    return {200: True, 404: False}.get(status)


def parse_models(listing: object, props: Mapping[str, object]) -> tuple[Model, ...]:
    return tuple(
        _model(name, mapping_of(entry, "meta"), props)
        for entry in entries_of(listing, "data")
        if (name := text_of(entry, "id"))
    )


def _model(name: str, meta: Mapping[str, object], props: Mapping[str, object]) -> Model:
    caps, modalities = mapping_of(props, "chat_template_caps"), mapping_of(props, "modalities")
    # The slot's share of the window; `n_ctx` of the listing is the same number and stays readable without a key.
    context = number_of(mapping_of(props, "default_generation_settings"), "n_ctx") or number_of(meta, "n_ctx")
    return Model(
        # Without an alias some builds name the model by its path, which is nobody's business.
        name=PurePath(name).name if name.startswith(("/", "~", ".")) else name,
        quantization=text_of(meta, "ftype", limit=MAX_LABEL) or text_of(props, "model_ftype", limit=MAX_LABEL),
        format="gguf",
        size_bytes=number_of(meta, "size"),
        parameters=number_of(meta, "n_params"),
        loaded=True,
        effective_context_tokens=context,
        max_context_tokens=number_of(meta, "n_ctx_train"),
        remote=False,
        # A template without tools does not mean none: the server then falls back to a format of its own.
        tools=flag_of(caps, "supports_tools") or None,
        vision=flag_of(modalities, "vision"),
    )
