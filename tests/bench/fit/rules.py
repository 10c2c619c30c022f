"""The rules of other tools, re-implemented from descriptions of them, on the same rows. None of them predicts prefill.

They are given what they ask for: bandwidth, parameters, the published file. Corrections that a tool learns from runs
of its community are left out, as ours are here.
"""

from collections.abc import Callable

from routing.engine.fit.memory import KV_BYTES
from tests.bench.fit.rows import Row

# Gigabytes per billion parameters that llmfit takes for speed, where it does not know the file.
_LLMFIT_BYTES = {4: 0.50, 5: 0.62, 6: 0.75, 8: 1.0, 16: 2.0}
_LLMFIT_IDLE_BYTES = 3.2
_WHICHLLM_QUALITY = {4: 1.0, 5: 0.95, 6: 0.9, 8: 0.85, 16: 0.8}


def list_decode_rules() -> dict[str, Callable[[Row], float | None]]:
    return {
        "two terms (mac-llm-calculator)": two_terms,
        "llmfit": llmfit,
        "canirun.ai": canirun,
        "whichllm": whichllm,
        "0.7 x bandwidth / file": bandwidth_over_file,
    }


def two_terms(row: Row) -> float | None:
    """Bytes read over 0.9075 of the bandwidth and 3.25 ms; a mixture takes 1.3 times as long."""
    load, bandwidth = row.load, _bandwidth(row)
    if load is None or not bandwidth:
        return None
    seconds = (load.dense_bytes + load.expert_bytes) / (0.9075 * bandwidth) + 0.00325
    return 1 / (seconds * (1.3 if load.moe_layers else 1.0))


def llmfit(row: Row) -> float | None:
    """0.55 of bandwidth over size; of a mixture the part beside the experts counts 3.2 bytes for each parameter."""
    load, bandwidth, bits = row.load, _bandwidth(row), _bits(row)
    if load is None or not bandwidth or bits is None:
        return None
    per_parameter = _LLMFIT_BYTES[bits]
    size = (load.dense_parameters + load.expert_parameters) * per_parameter
    if load.moe_layers:
        size = load.expert_parameters * per_parameter + load.dense_parameters * _LLMFIT_IDLE_BYTES
    return 0.55 * bandwidth / size


def canirun(row: Row) -> float | None:
    """0.65 of bandwidth over the size that it takes a model to have; parameters are all it knows."""
    load, bandwidth, bits = row.load, _bandwidth(row), _bits(row)
    if load is None or not bandwidth or bits is None:
        return None
    active = load.dense_parameters + load.expert_parameters
    return 0.65 * bandwidth / (active * bits / 8 * 1.1 + 0.5e9)


def whichllm(row: Row) -> float | None:
    """0.82 of bandwidth over the exact file's share that is active, by the quantization's efficiency."""
    load, bandwidth, bits = row.load, _bandwidth(row), _bits(row)
    if load is None or not bandwidth or bits is None or row.model is None or not row.model.shape.parameters:
        return None
    share = (load.dense_parameters + load.expert_parameters) / row.model.shape.parameters
    return 0.82 * _WHICHLLM_QUALITY[bits] * bandwidth / (load.file_bytes * share)


def bandwidth_over_file(row: Row) -> float | None:
    load, bandwidth = row.load, _bandwidth(row)
    return 0.7 * bandwidth / load.file_bytes if load is not None and bandwidth else None


def all_layers_memory(row: Row) -> float | None:
    """Every layer with a full cache, and half a gigabyte: what llmfit and whichllm count."""
    model, weights = row.model, row.weights
    if model is None or weights is None:
        return None
    shape, tokens = model.shape, row.alloc_tokens or row.depth_tokens
    width = (shape.kv_heads or 0) * (shape.head_dim or 0)
    return weights + 2 * (shape.layers or 0) * width * tokens * KV_BYTES[row.kv_quantization] + 0.5e9


def _bandwidth(row: Row) -> float | None:
    return row.chip.bandwidth_bytes_per_s if row.chip else None


def _bits(row: Row) -> int | None:
    """The nearest number of bits that these tools have a figure for."""
    form = row.form
    return None if form is None else min(_LLMFIT_BYTES, key=lambda bits: abs(bits - form.bits_per_weight))
