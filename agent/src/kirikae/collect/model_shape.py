"""A model's shape as the portal takes it, from a GGUF header or a `config.json`; an absurd one counts as unknown."""

from __future__ import annotations

from collections.abc import Mapping

from kirikae.collect.runtime_facts import flag_of, mapping_of, number_of, text_of
from kirikae.engine.fit.geometry import geometry_document, read_geometry
from kirikae.engine.reading.shapes import read_whole

FLOAT_BYTES = 4
MAX_ARCHITECTURE = 80
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")


def checked_geometry(values: Mapping[str, object]) -> Mapping[str, object] | None:
    """None when the wire would refuse it: one hostile file must not cost a whole report."""
    geometry, problems = read_whole({key: value for key, value in values.items() if value is not None}, read_geometry)
    return None if problems else geometry_document(geometry) or None


def geometry_of_config(config: Mapping[str, object]) -> Mapping[str, object] | None:
    """From a Hugging Face `config.json`; multimodal ones hold the language model's part under `text_config`."""
    text = mapping_of(config, "text_config") or config
    layers, hidden = number_of(text, "num_hidden_layers"), number_of(text, "hidden_size")
    heads = number_of(text, "num_attention_heads")
    mla_rank = number_of(text, "kv_lora_rank")
    experts = next((count for name in EXPERTS if (count := number_of(text, name))), None)
    parts = _layer_kinds(text, layers)
    return checked_geometry(
        {
            "architecture": text_of(config, "model_type", limit=MAX_ARCHITECTURE),
            "layers": layers,
            "hidden_size": hidden,
            "heads": heads,
            "kv_heads": number_of(text, "num_key_value_heads") or heads,
            "head_dim": number_of(text, "head_dim") or (hidden // heads if hidden and heads else None),
            **parts,
            "sliding_window": number_of(text, "sliding_window") if parts["sliding_layers"] else None,
            "mla_rank": mla_rank,
            "mla_rope_dim": number_of(text, "qk_rope_head_dim") if mla_rank else None,
            "linear_state_bytes": _linear_state_bytes(text, parts["linear_layers"]),
            "experts": experts,
            "experts_used": number_of(text, "num_experts_per_tok") if experts else None,
            "context_tokens": number_of(text, "max_position_embeddings"),
        }
    )


def _layer_kinds(text: Mapping[str, object], layers: int | None) -> dict[str, int | None]:
    kinds = text.get("layer_types")
    if isinstance(kinds, list) and len(kinds) == layers:
        sliding, linear = kinds.count("sliding_attention"), kinds.count("linear_attention")
        return {"full_layers": layers - sliding - linear, "sliding_layers": sliding, "linear_layers": linear}
    unknown: dict[str, int | None] = {"full_layers": None, "sliding_layers": None, "linear_layers": None}
    if layers is None:
        return unknown
    window = number_of(text, "sliding_window") if flag_of(text, "use_sliding_window") is not False else None
    sliding_every, linear_every = number_of(text, "sliding_window_pattern"), number_of(text, "full_attention_interval")
    if window and not sliding_every:
        return unknown
    sliding = layers - layers // sliding_every if window and sliding_every else 0
    linear = layers - layers // linear_every if linear_every else 0
    return {"full_layers": max(0, layers - sliding - linear), "sliding_layers": sliding, "linear_layers": linear}


def _linear_state_bytes(text: Mapping[str, object], layers: int | None) -> int | None:
    """Of a delta net: one matrix per value head."""
    heads = number_of(text, "linear_num_value_heads")
    keys, values = number_of(text, "linear_key_head_dim"), number_of(text, "linear_value_head_dim")
    return layers * heads * keys * values * FLOAT_BYTES if layers and heads and keys and values else None
