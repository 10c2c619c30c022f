"""What a run depends on beside the model: memory pressure and power, and which depths the machine has room for."""

from __future__ import annotations

from kirikae.bench.run import GENERATED_TOKENS
from kirikae.collect.hardware import read_state
from kirikae.collect.reading import values_of
from kirikae.collect.runtime_facts import Model, mapping_of, number_of
from kirikae.engine.named_tuple import NamedTuple

DEPTHS_TOKENS = (512, 4096, 16_384)
# A chat template adds a few tokens, and a prompt made of words is not exact.
MARGIN_TOKENS = 128
# Compute buffers of a long prompt.
HEADROOM_BYTES = 512 * 1024**2
# Keys and values of one position, as most runtimes keep them.
CACHE_VALUE_BYTES = 2


class Conditions(NamedTuple):
    """None where this machine does not tell."""

    memory_pressure: str | None = None
    memory_available_bytes: int | None = None
    on_battery: bool | None = None
    low_power: bool | None = None

    @property
    def is_under_pressure(self) -> bool:
        return self.memory_pressure in {"warning", "critical"}


def read_conditions() -> Conditions:
    values = values_of(read_state())
    return Conditions(**{field: values.get(field) for field in Conditions._fields})  # type: ignore[arg-type]  # by name


def why_too_deep(depth_tokens: int, model: Model, conditions: Conditions) -> str | None:
    """`context`, `memory`, or None when this depth may be measured."""
    limits = [model.effective_context_tokens, model.max_context_tokens]
    window = min((limit for limit in limits if limit is not None), default=None)
    if window is not None and depth_tokens + GENERATED_TOKENS + MARGIN_TOKENS > window:
        return "context"
    available = conditions.memory_available_bytes
    if available is not None and available < _cache_bytes(model, depth_tokens) + HEADROOM_BYTES:
        return "memory"
    return None


def _cache_bytes(model: Model, depth_tokens: int) -> int:
    """What the cache grows to at most; nothing where the shape is unknown."""
    shape = mapping_of({"geometry": model.geometry}, "geometry")
    layers, heads, width = (number_of(shape, key) for key in ("full_layers", "kv_heads", "head_dim"))
    return 2 * layers * heads * width * depth_tokens * CACHE_VALUE_BYTES if layers and heads and width else 0
