"""What a GGUF header tells about its model: name, quantization, window, and the shape that its memory follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kirikae.collect.gguf_header import Value, read_header
from kirikae.collect.model_shape import FLOAT_BYTES, MAX_ARCHITECTURE, checked_geometry
from kirikae.collect.runtime_facts import text_of
from kirikae.engine.named_tuple import NamedTuple

# By the format's number of `general.file_type`.
FILE_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K"}
FILE_TYPES |= {11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M"}
FILE_TYPES |= {18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S"}
FILE_TYPES |= {25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16"}
FILE_TYPES |= {36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4", 39: "NVFP4"}

# Each so-many-th layer sees the whole context; llama.cpp knows these periods by architecture, the files omit them.
SLIDING_PERIODS = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4, "exaone4": 4, "olmo2": 4}
LINEAR_PERIODS = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4}


class GgufModel(NamedTuple):
    quantization: str | None
    parameters: int | None
    context_tokens: int | None
    size_bytes: int
    geometry: Mapping[str, object] | None


def read_gguf_model(path: Path) -> GgufModel:
    """Raises GgufError."""
    header = read_header(path)
    geometry = checked_geometry(_geometry(_Keys(header.values), header.tensors))
    file_type = _whole(header.values.get("general.file_type"))
    return GgufModel(
        quantization=FILE_TYPES.get(file_type) if file_type is not None else None,
        parameters=_int_of(geometry, "parameters"),
        context_tokens=_int_of(geometry, "context_tokens"),
        size_bytes=header.file_bytes,
        geometry=geometry,
    )


class _Keys:
    """Values of the file's own architecture."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.architecture = text_of(values, "general.architecture", limit=MAX_ARCHITECTURE)
        self._values = values

    def __call__(self, name: str) -> Value | None:
        return self._values.get(f"{self.architecture}.{name}")

    def number(self, name: str) -> int | None:
        return _whole(self(name))

    def per_layer(self, name: str) -> Sequence[int] | None:
        value = self(name)
        whole = isinstance(value, tuple) and value and all(isinstance(one, int) for one in value)
        return [int(one) for one in value] if whole and isinstance(value, tuple) else None

    def largest(self, name: str) -> int | None:
        """A value for all layers, or the largest of one value per layer."""
        values = self.per_layer(name)
        return max(values) if values else self.number(name)


def _geometry(key: _Keys, tensors: Mapping[str, int]) -> dict[str, object]:
    layers, hidden = key.number("block_count"), key.number("embedding_length")
    heads = key.largest("attention.head_count")
    head_dim = key.number("attention.key_length") or (hidden // heads if hidden and heads else None)
    experts, used = key.number("expert_count") or None, key.number("expert_used_count") or None
    mla_rank = key.number("attention.kv_lora_rank") or None
    parts = _layer_kinds(key, layers)
    return {
        "architecture": key.architecture,
        "parameters": sum(tensors.values()) or None,
        "active_parameters": _active_parameters(tensors, experts=experts, used=used) or None,
        "layers": layers,
        "hidden_size": hidden,
        "heads": heads,
        "kv_heads": key.largest("attention.head_count_kv") or heads,
        "head_dim": head_dim,
        **parts,
        "sliding_window": key.number("attention.sliding_window") or None,
        "sliding_head_dim": key.number("attention.key_length_swa"),
        "mla_rank": mla_rank,
        "mla_rope_dim": key.number("rope.dimension_count") if mla_rank else None,
        "linear_state_bytes": _linear_state_bytes(key, parts["linear_layers"]),
        "experts": experts,
        "experts_used": used,
        "moe_layers": _moe_layers(tensors) if experts else None,
        "context_tokens": key.number("context_length"),
    }


def _layer_kinds(key: _Keys, layers: int | None) -> dict[str, int | None]:
    """How many layers attend to everything, to a window, and to a state of constant size."""
    unknown: dict[str, int | None] = {"full_layers": None, "sliding_layers": None, "linear_layers": None}
    if layers is None:
        return unknown
    linear = _linear_layers(key, layers)
    if not key.number("attention.sliding_window"):
        return {"full_layers": layers - linear, "sliding_layers": 0, "linear_layers": linear}
    sliding = _sliding_layers(key, layers)
    if sliding is None:
        return unknown
    return {"full_layers": max(0, layers - linear - sliding), "sliding_layers": sliding, "linear_layers": linear}


def _sliding_layers(key: _Keys, layers: int) -> int | None:
    pattern = key.per_layer("attention.sliding_window_pattern")
    if pattern is not None:
        return sum(1 for one in pattern[:layers] if one)
    architecture = key.architecture or ""
    period = key.number("attention.sliding_window_pattern") or SLIDING_PERIODS.get(architecture)
    return layers - layers // period if period else None


def _linear_layers(key: _Keys, layers: int) -> int:
    kv_heads = key.per_layer("attention.head_count_kv")
    if kv_heads is not None:
        return sum(1 for one in kv_heads[:layers] if one == 0)
    period = key.number("full_attention_interval") or LINEAR_PERIODS.get(key.architecture or "")
    return layers - layers // period if period and key.number("ssm.state_size") else 0


def _linear_state_bytes(key: _Keys, layers: int | None) -> int | None:
    inner, state = key.number("ssm.inner_size"), key.number("ssm.state_size")
    if not layers or inner is None or state is None:
        return None
    kernel, groups = key.number("ssm.conv_kernel") or 1, key.number("ssm.group_count") or 0
    convolution = max(0, kernel - 1) * (inner + 2 * groups * state)
    return layers * (inner * state + convolution) * FLOAT_BYTES


def _active_parameters(tensors: Mapping[str, int], *, experts: int | None, used: int | None) -> int:
    """What one token reads: the experts that are used, and of an embedding table of its own a single row."""
    has_head = "output.weight" in tensors
    active = 0
    for name, elements in tensors.items():
        if name == "token_embd.weight" and has_head:
            continue
        is_expert = "_exps." in name and experts and used
        active += elements * used // experts if is_expert and experts and used else elements
    return active


def _moe_layers(tensors: Mapping[str, int]) -> int | None:
    return len({name.split(".")[1] for name in tensors if "_exps." in name and name.startswith("blk.")}) or None


def _whole(value: Value | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _int_of(geometry: Mapping[str, object] | None, field: str) -> int | None:
    return _whole(value) if geometry and isinstance(value := geometry.get(field), int) else None
