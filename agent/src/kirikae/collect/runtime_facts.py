"""What is told about a runtime and its models, and careful readers for the JSON that runtimes answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kirikae.engine.named_tuple import NamedTuple

# The portal's limits; a longer text of a runtime is treated as not told.
MAX_NAME, MAX_VERSION, MAX_LABEL = 300, 120, 20
MAX_MODELS = 500
MAX_NUMBER = 2**53
UNITS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


KINDS = frozenset(["ollama", "lm_studio", "llama_cpp", "mlx_lm", "omlx", "openai_compatible"])


class Model(NamedTuple):
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
    # As the engine's `geometry` reads it; None when no file of the model was read.
    geometry: Mapping[str, object] | None = None


UNLOADED = {"loaded": False, "effective_context_tokens": None, "memory_bytes": None}


class Runtime(NamedTuple):
    """`state`: up, loading, broken (with `reason`) or down."""

    kind: str
    base_url: str
    state: str
    version: str | None = None
    reason: str | None = None
    messages_api: bool | None = None
    models: tuple[Model, ...] = ()

    def document(self) -> dict[str, object]:
        """One model per name and quantization: two of them would cost the whole report."""
        models = {(model.name, model.quantization): model._asdict() for model in self.models}
        return self._asdict() | {"models": list(models.values())}


def runtime_from_document(document: Mapping[str, object]) -> Runtime:
    """Back from `Runtime.document()`, as kept in the last report; raises TypeError on anything else."""
    if document.get("kind") not in KINDS:
        raise TypeError("another version's")
    fields = {name: value for name, value in document.items() if name != "models"}
    models = tuple(_model_from_document(entry) for entry in entries_of(document, "models"))
    return Runtime(**fields, models=models)  # type: ignore[arg-type]  # our own file


def _model_from_document(entry: Mapping[str, object]) -> Model:
    """`checks` are added to each report anew."""
    return Model(**{name: value for name, value in entry.items() if name != "checks"})  # type: ignore[arg-type]  # own


def known_model(known: Runtime | None, name: str) -> Model | None:
    return next((model for model in known.models if model.name == name), None) if known else None


def as_down(known: Runtime) -> Runtime:
    """The models are still installed; none of them is loaded."""
    models = tuple(model._replace(**UNLOADED) for model in known.models)  # type: ignore[arg-type]  # one dict, three types
    return known._replace(state="down", reason=None, models=models)


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


def total_of(numbers: Iterable[int]) -> int | None:
    """None for more than the wire takes: what many files claim together may be absurd where each one is not."""
    total = sum(numbers)
    return total if total < MAX_NUMBER else None


def flag_of(value: Mapping[str, object], key: str) -> bool | None:
    flag = value.get(key)
    return flag if isinstance(flag, bool) else None


def base_url_of(answer: Mapping[str, object]) -> str:
    return str(mapping_of(answer, "runtime").get("base_url") or "")


def parse_parameters(text: str | None) -> int | None:
    """`8.0B`, `270M`, and of a mixture of experts `26B-A4B`, whose first figure counts all of them."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,4})?)([KMBT])(?:-A\d{1,4}(?:\.\d{1,4})?[KMB])?", text or "")
    return round(float(match.group(1)) * UNITS[match.group(2)]) if match else None
