"""Reading what agents and runtimes answer: small, strict, and only what is shown. Nothing of it is believed further."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from machines.health.models import PollTarget
from machines.models import RuntimeKind, RuntimeState
from routing.engine.errors import WireError
from routing.engine.facts import raise_first
from routing.engine.reading.shapes import ObjectReader, read_whole

LOADED_SHOWN = 16
RUNTIMES_SHOWN = 16
PATHS: Mapping[str, str] = {
    PollTarget.AGENT: "/health",
    RuntimeKind.OLLAMA: "/api/ps",
    RuntimeKind.LM_STUDIO: "/api/v0/models",
    RuntimeKind.LLAMA_CPP: "/props",
    RuntimeKind.MLX_LM: "/v1/models",
    RuntimeKind.OMLX: "/v1/models",
    RuntimeKind.OPENAI_COMPATIBLE: "/v1/models",
}


@dataclass(frozen=True, slots=True)
class RuntimeView:
    kind: str
    state: str
    loaded: tuple[str, ...] = ()
    effective_context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What one look told. `machine` is who answered, for agents."""

    runtimes: tuple[RuntimeView, ...]
    machine: str | None = None
    agent_version: str | None = None

    def document(self) -> dict[str, Any]:
        return {
            "agent_version": self.agent_version,
            "runtimes": [
                {
                    "kind": one.kind,
                    "state": one.state,
                    "loaded": list(one.loaded),
                    "effective_context_tokens": one.effective_context_tokens,
                }
                for one in self.runtimes
            ],
        }


def read_answer(kind: str, document: object) -> View:
    """Raises WireError for what is no answer of that kind."""
    if kind == PollTarget.AGENT:
        view, problems = read_whole(document, _read_agent)
        raise_first(problems)
        return view
    if not isinstance(document, dict):
        raise WireError(code="field.invalid", detail="no object", field="")
    loaded, context = _READERS.get(kind, _read_model_list)(document)
    return View(runtimes=(RuntimeView(kind, RuntimeState.UP, loaded[:LOADED_SHOWN], context),))


def _read_agent(reader: ObjectReader) -> View:
    reader.integer("schema", low=1, high=1)
    for ignored in ("state", "time", "boot_id", "sequence"):
        reader.take(ignored, None)
    return View(
        machine=reader.optional_text("machine", max_length=24),
        agent_version=reader.optional_text("agent_version", max_length=40),
        runtimes=tuple(_read_runtime(one) for one in reader.readers("runtimes", high=RUNTIMES_SHOWN)),
    )


def _read_runtime(reader: ObjectReader) -> RuntimeView:
    view = RuntimeView(
        kind=reader.choice("kind", RuntimeKind.values),
        state=reader.choice("state", RuntimeState.values),
        loaded=reader.texts("loaded", [], high=500)[:LOADED_SHOWN],
        effective_context_tokens=reader.optional_integer("effective_context_tokens", high=2**31),
    )
    reader.close()
    return view


def _read_ollama(document: Mapping[str, Any]) -> tuple[tuple[str, ...], int | None]:
    models = _objects(document, "models")
    contexts = [context for one in models if (context := _tokens(one.get("context_length")))]
    return _names(models, "name"), min(contexts) if contexts else None


def _read_lm_studio(document: Mapping[str, Any]) -> tuple[tuple[str, ...], int | None]:
    loaded = [one for one in _objects(document, "data") if one.get("state") == "loaded"]
    contexts = [context for one in loaded if (context := _tokens(one.get("loaded_context_length")))]
    return _names(loaded, "id"), min(contexts) if contexts else None


def _read_llama_cpp(document: Mapping[str, Any]) -> tuple[tuple[str, ...], int | None]:
    settings = document.get("default_generation_settings")
    context = _tokens(settings.get("n_ctx")) if isinstance(settings, dict) else None
    alias = document.get("model_alias")
    # The path of a model's file says who works where: only its alias is taken.
    return (alias[:300],) if isinstance(alias, str) and alias else (), context


def _read_model_list(document: Mapping[str, Any]) -> tuple[tuple[str, ...], int | None]:
    return _names(_objects(document, "data"), "id"), None


_READERS: Mapping[str, Callable[[Mapping[str, Any]], tuple[tuple[str, ...], int | None]]] = {
    RuntimeKind.OLLAMA: _read_ollama,
    RuntimeKind.LM_STUDIO: _read_lm_studio,
    RuntimeKind.LLAMA_CPP: _read_llama_cpp,
}


def _objects(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = document.get(key)
    if not isinstance(found, list):
        raise WireError(code="field.invalid", detail=f"no list of {key}", field=key)
    return [one for one in found if isinstance(one, dict)]


def _names(models: list[dict[str, Any]], key: str) -> tuple[str, ...]:
    return tuple(str(one[key])[:300] for one in models if isinstance(one.get(key), str))


def _tokens(found: object) -> int | None:
    is_count = isinstance(found, int) and not isinstance(found, bool) and 0 < found < 2**31
    return int(str(found)) if is_count else None
