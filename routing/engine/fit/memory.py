"""How much memory a model needs at a context, by term, and what the GPU may use. Formulas and checks: docs/fit.md."""

from ..facts import Hardware
from ..named_tuple import NamedTuple
from .constants import MEMORY
from .geometry import Geometry
from .quantization import Quantization

# Bytes per element of the KV cache. Block formats carry a scale for 32 elements.
KV_BYTES = {"f16": 2.0, "bf16": 2.0, "q8_0": 1.0625, "q4_0": 0.5625}
# No model reads more; larger figures are mistakes, and the arithmetic of floats still holds.
MAX_CONTEXT_TOKENS = 10**12
MAX_PARALLEL = 10**4
# Kept free below the limit: what else draws on the screen, and what the runtime asks for in a moment.
SPARE_BYTES = 10**9
# What macOS leaves to the GPU while it reports no limit of its own: two thirds up to 32 GB, three quarters above.
# Read off Macs with macOS 15 and older; newer systems leave more, so this errs on the safe side.
_SMALL_MEMORY_BYTES = 36 * 10**9
_SMALL_SHARE, _LARGE_SHARE = (2, 3), (3, 4)
# Ollama's own choice by GPU memory, where nobody sets num_ctx (its server/routes.go).
_OLLAMA_CONTEXTS = ((47 * 2**30, 262_144), (23 * 2**30, 32_768), (0, 4_096))


class Memory(NamedTuple):
    """Bytes by term. `prefix_cache_bytes` is what an MLX server may keep of earlier prompts."""

    weights_bytes: int
    kv_full_bytes: int
    kv_sliding_bytes: int
    kv_mla_bytes: int
    linear_state_bytes: int
    compute_bytes: int
    prefix_cache_bytes: int = 0

    @property
    def kv_bytes(self) -> int:
        return self.kv_full_bytes + self.kv_sliding_bytes + self.kv_mla_bytes + self.linear_state_bytes

    @property
    def total_bytes(self) -> int:
        return sum(self)


class GpuLimit(NamedTuple):
    """`source`: reported (Metal's own value), default (the table above), memory (not a Mac: all of it)."""

    limit_bytes: int
    source: str


def gpu_limit(hardware: Hardware) -> GpuLimit | None:
    """None when the machine's memory is unknown. No report makes a limit larger than the memory."""
    memory = hardware.memory_bytes if hardware.memory_bytes and hardware.memory_bytes > 0 else None
    if hardware.gpu_limit_bytes:
        return GpuLimit(min(hardware.gpu_limit_bytes, memory or hardware.gpu_limit_bytes), "reported")
    if memory is None:
        return None
    if hardware.platform != "darwin":
        return GpuLimit(memory, "memory")
    numerator, denominator = _SMALL_SHARE if memory < _SMALL_MEMORY_BYTES else _LARGE_SHARE
    return GpuLimit(memory * numerator // denominator, "default")


def ollama_default_context(limit_bytes: int) -> int:
    """Tokens of context that Ollama takes when nobody says: too few for Claude Code on small Macs."""
    return next(tokens for least, tokens in _OLLAMA_CONTEXTS if limit_bytes >= least)


def is_cache_known(shape: Geometry) -> bool:
    """Whether the KV cache follows from the shape: without it memory is told from the file alone."""
    has_attention = bool(shape.mla_rank) or bool(shape.kv_heads and shape.head_dim)
    return bool(shape.layers) and has_attention


def weights_bytes(
    shape: Geometry, quantization: Quantization | None, *, file_bytes: int | None, is_text_only: bool = False
) -> int | None:
    """The file's size, which is what gets loaded; else parameters by bits per weight.

    `is_text_only`: the file holds a vision tower besides the parameters, which the runtime leaves out.
    """
    counted = None
    if quantization is not None and shape.parameters:
        counted = int(shape.parameters * quantization.bits_per_weight / 8)
    if not file_bytes:
        return counted
    if is_text_only and counted is not None and counted < file_bytes:
        return max(counted, file_bytes - MEMORY.vision_tower_bytes)
    return file_bytes


def kv_terms(shape: Geometry, context_tokens: int, *, kv_bytes: float) -> tuple[int, int, int]:
    """Bytes of one sequence in full, sliding-window and MLA layers."""
    full = full_layers(shape)
    if shape.mla_rank:
        # One latent vector for keys and values together, and the part that carries the position.
        return 0, 0, int(full * (shape.mla_rank + (shape.mla_rope_dim or 0)) * context_tokens * kv_bytes)
    per_layer = 2 * (shape.kv_heads or 0) * (shape.head_dim or 0) * kv_bytes
    sliding = shape.sliding_layers or 0
    if not sliding:
        return int(full * per_layer * context_tokens), 0, 0
    width = 2 * (shape.sliding_kv_heads or shape.kv_heads or 0) * (shape.sliding_head_dim or shape.head_dim or 0)
    window = min(context_tokens, (shape.sliding_window or context_tokens) + MEMORY.batch_tokens)
    return int(full * per_layer * context_tokens), int(sliding * width * window * kv_bytes), 0


def full_layers(shape: Geometry) -> int:
    """Layers that look at the whole context; where nothing is said, all that are of no other kind."""
    if shape.full_layers is not None:
        return shape.full_layers
    return max(0, (shape.layers or 0) - (shape.sliding_layers or 0) - (shape.linear_layers or 0))


def needed_memory(
    shape: Geometry, weights: int, context_tokens: int, *, kv_bytes: float, parallel: int, is_mlx: bool
) -> Memory:
    """By term, for `parallel` sequences of that context each; they share the weights."""
    tokens = min(max(context_tokens, 0), MAX_CONTEXT_TOKENS)
    sequences = min(max(parallel, 1), MAX_PARALLEL)
    full, sliding, mla = kv_terms(shape, tokens, kv_bytes=kv_bytes)
    return Memory(
        weights_bytes=weights,
        kv_full_bytes=full * sequences,
        kv_sliding_bytes=sliding * sequences,
        kv_mla_bytes=mla * sequences,
        linear_state_bytes=(shape.linear_state_bytes or 0) * sequences,
        compute_bytes=_compute_bytes(shape, tokens, is_mlx=is_mlx),
    )


def activation_elements(shape: Geometry) -> float | None:
    """Numbers that all layers' matrices give for one token; None where the shape says too little.

    A matrix gives as many as it has rows, which are the active weights by the width; experts give the width each.
    """
    active = shape.active_parameters or (None if shape.experts else shape.parameters)
    if not active or not shape.hidden_size or not shape.layers:
        return None
    return active / shape.hidden_size + moe_layers(shape) * (shape.experts_used or 0) * shape.hidden_size


def moe_layers(shape: Geometry) -> int:
    if not shape.experts:
        return 0
    return shape.layers or 0 if shape.moe_layers is None else shape.moe_layers


def _compute_bytes(shape: Geometry, tokens: int, *, is_mlx: bool) -> int:
    """llama.cpp sets its buffers aside at the start; MLX makes them while it reads a prompt, for a batch at most."""
    elements = activation_elements(shape)
    if is_mlx and elements is not None and shape.layers:
        in_batch = min(tokens, MEMORY.mlx_batch_tokens)
        state = (shape.linear_state_bytes or 0) / (shape.linear_layers or 1)
        each = MEMORY.mlx_layers_alive * 2 * elements / shape.layers + MEMORY.mlx_state_share * state
        return int(each * in_batch)
    base = MEMORY.compute_mlx_bytes if is_mlx else MEMORY.compute_gguf_bytes
    return int(base + MEMORY.compute_bytes_per_hidden * (shape.hidden_size or 0))


def most_context(
    shape: Geometry, weights: int, available_bytes: int, *, kv_bytes: float, parallel: int, is_mlx: bool
) -> int:
    """The most tokens with which the model needs no more than `available_bytes`; 0 when it never fits.

    Bounded by the model's own window; without one, by the largest figure that anybody may ask for.
    """
    sequences = min(max(parallel, 1), MAX_PARALLEL)
    room = available_bytes - weights - (shape.linear_state_bytes or 0) * sequences

    def growing(tokens: int) -> int:
        cache = sum(kv_terms(shape, tokens, kv_bytes=kv_bytes)) * sequences
        return cache + _compute_bytes(shape, tokens, is_mlx=is_mlx)

    def fits(tokens: int) -> bool:
        return growing(tokens) <= room

    low, high = 0, shape.context_tokens or MAX_CONTEXT_TOKENS
    if not fits(low):
        return 0
    if fits(high):
        return high
    # Past every window the cache grows along a line, so its slope leads next to the answer.
    top, half = growing(high), growing(high // 2)
    guess = high - (top - room) * (high - high // 2) // (top - half) if top > half else low
    for edge in (guess - 2, guess + 2):
        if low < edge < high:
            low, high = (edge, high) if fits(edge) else (low, edge)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
