"""What is told about a runtime and its models, and careful readers for the JSON that runtimes answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

# The portal's limits; a longer text of a runtime is treated as not told.
MAX_NAME, MAX_VERSION, MAX_LABEL = 300, 120, 20
MAX_MODELS = 500
MAX_NUMBER = 2**53


@dataclass(frozen=True)
class Model:
    """`remote`: True when another machine computes, None when unknown (which counts as remote)."""

    name: str
    quantization: str | None = None
    format: str | None = None
    size_bytes: int | None = None
    parameters: int | None = None
    loaded: bool = False
    effective_context_tokens: int | None = None
    max_context_tokens: int | None = None
    memory_bytes: int | None = None
    remote: bool | None = None
    tools: bool | None = None
    vision: bool | None = None


@dataclass(frozen=True)
class Runtime:
    """`state`: up, loading, broken (with `reason`) or down."""

    kind: str
    base_url: str
    state: str
    version: str | None = None
    reason: str | None = None
    messages_api: bool | None = None
    models: tuple[Model, ...] = ()

    def document(self) -> dict[str, object]:
        return asdict(self) | {"models": [asdict(model) for model in self.models]}


def runtime_from_document(document: Mapping[str, object]) -> Runtime:
    """Back from `Runtime.document()`, as kept in the last report; raises TypeError on anything else."""
    fields = {name: value for name, value in document.items() if name != "models"}
    models = tuple(Model(**entry) for entry in entries_of(document, "models"))  # type: ignore[arg-type]  # our own file
    return Runtime(**fields, models=models)  # type: ignore[arg-type]  # our own file


def mapping_of(value: object, key: str) -> Mapping[str, object]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def entries_of(value: object, key: str) -> list[Mapping[str, object]]:
    inner = value.get(key) if isinstance(value, dict) else None
    if not isinstance(inner, list):
        return []
    entries: list[Mapping[str, object]] = [entry for entry in inner if isinstance(entry, dict)]
    return entries[:MAX_MODELS]


def text_of(value: Mapping[str, object], key: str, *, limit: int = MAX_NAME) -> str | None:
    """None also for what the wire refuses: too long, control characters, lone surrogates."""
    text = value.get(key)
    if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) <= limit:
        return None
    return text


def number_of(value: Mapping[str, object], key: str) -> int | None:
    number = value.get(key)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < MAX_NUMBER:
        return None
    return number


def flag_of(value: Mapping[str, object], key: str) -> bool | None:
    flag = value.get(key)
    return flag if isinstance(flag, bool) else None
