"""How fast a chip reads a prompt and writes an answer with a model, by formula. docs/fit.md explains the terms."""

import re
from math import exp

from ..facts import RuntimeKind
from ..named_tuple import NamedTuple
from .chips import Chip
from .constants import PREFILL, SPEED, PrefillConstants, SpeedConstants
from .geometry import Geometry
from .memory import activation_elements, full_layers, moe_layers
from .quantization import Quantization

_MAMBA = ("mamba", "nemotron", "jamba", "falcon-h1", "falcon_h1", "granitehybrid", "granitemoehybrid", "bamba", "zamba")
# Tensors that a mixture with microscaled experts keeps finer: 8.5 bits in llama.cpp's files, 16 in Ollama's.
_MX_EXPERT_BITS, _MX_DENSE_BITS, _MX_DENSE_BITS_OLLAMA, _MX_DENSE_BITS_MLX = 4.25, 8.5, 16.0, 4.5
_MX_DENSE_BITS_NAMED = {"MXFP4-Q8": 8.5, "MXFP4-Q4": 4.5}
_BATCH_GGUF, _BATCH_MLX = 512, 2048
# MLX has a fused kernel for heads up to this width; the scores of wider ones go through memory.
_WIDEST_FUSED_HEAD = 128
# The last generation without tensor units.
_NO_TENSOR_UNITS = 4
# By hand: the M5's clock is 3 % higher, and Apple claims up to 45 % for graphics; nothing is known of the M6.
_NEWER_CLOCK = {4: 1.0, 5: 1.15, 6: 1.15}


class Load(NamedTuple):
    """What one token costs with a model in a runtime, whatever the chip."""

    dense_bytes: float
    expert_bytes: float
    dense_parameters: float
    expert_parameters: float
    file_bytes: float
    kind: str
    layer_count: float
    moe_layers: int
    experts: int
    delta_layers: int
    mamba_layers: int
    is_gemma: bool
    is_mlx: bool
    is_ollama: bool
    is_old_ollama: bool
    linear_state_bytes: int
    # Query elements for each token of context, in layers with the whole context and in those with a window.
    full_queries: int
    sliding_queries: int
    sliding_window: int
    # A prompt is read without the output matrix: only its last token needs it.
    output_parameters: float
    experts_used: int
    head_dim: int
    # Numbers that the matrices of all layers give for one token.
    activation_elements: float


def load_of(
    shape: Geometry,
    quantization: Quantization,
    *,
    runtime: RuntimeKind,
    weights_bytes: int | None,
    is_mlx: bool,
    runtime_version: str | None = None,
) -> Load | None:
    """None when the shape says too little to tell a speed. An unknown version counts as a new one."""
    parameters = shape.parameters
    active = shape.active_parameters or (None if shape.experts else parameters)
    if not parameters or not active or not shape.layers or active > parameters:
        return None
    experts = _expert_parameters(shape, parameters, active)
    dense = active - experts
    # An MLX file holds parts that no token reads (a vision tower in 16 bits), so its size says less than its name.
    bits = weights_bytes * 8 / parameters if weights_bytes and not is_mlx else quantization.bits_per_weight
    dense_bits, expert_bits = bits, bits
    is_ollama = runtime is RuntimeKind.OLLAMA and not is_mlx
    if quantization.name.startswith("MXFP4"):
        expert_bits = _MX_EXPERT_BITS
        dense_bits = _MX_DENSE_BITS_MLX if is_mlx else (_MX_DENSE_BITS_OLLAMA if is_ollama else _MX_DENSE_BITS)
        dense_bits = _MX_DENSE_BITS_NAMED.get(quantization.name, dense_bits)
    is_mamba = (shape.architecture or "").lower().startswith(_MAMBA)
    linear, heads, width = shape.linear_layers or 0, shape.heads or 0, shape.head_dim or 0
    if shape.mla_rank:
        width = shape.mla_rank + (shape.mla_rope_dim or 0)
    return Load(
        dense_bytes=dense * dense_bits / 8,
        expert_bytes=experts * expert_bits / 8,
        dense_parameters=dense,
        expert_parameters=experts,
        file_bytes=weights_bytes or parameters * bits / 8,
        kind=quantization.kind,
        layer_count=_layer_equivalents(shape),
        moe_layers=moe_layers(shape),
        experts=shape.experts or 0,
        delta_layers=0 if is_mamba else linear,
        mamba_layers=linear if is_mamba else 0,
        is_gemma=(shape.architecture or "").lower().startswith("gemma"),
        is_mlx=is_mlx,
        is_ollama=is_ollama,
        is_old_ollama=is_ollama and _is_before_llama_server(runtime_version),
        linear_state_bytes=shape.linear_state_bytes or 0,
        full_queries=full_layers(shape) * heads * width,
        sliding_queries=(shape.sliding_layers or 0) * heads * (shape.sliding_head_dim or width),
        sliding_window=shape.sliding_window or 0,
        output_parameters=min((shape.vocabulary or 0) * (shape.hidden_size or 0), dense / 2),
        experts_used=shape.experts_used or 0,
        head_dim=shape.head_dim or 0,
        activation_elements=activation_elements(shape) or 0.0,
    )


def _is_before_llama_server(ollama_version: str | None) -> bool:
    """Ollama ran models in an engine of its own up to 0.29; since then in llama.cpp's server."""
    found = re.match(r"v?(\d+)\.(\d+)", ollama_version or "")
    return found is not None and (int(found[1]), int(found[2])) < (0, 30)


def _expert_parameters(shape: Geometry, parameters: int, active: int) -> float:
    """Of the active parameters those in routed experts: total and active differ by the experts that stay idle."""
    if not shape.experts or not shape.experts_used or shape.experts_used >= shape.experts:
        return 0.0
    used = shape.experts_used / shape.experts
    return min(float(active), (parameters - active) / (1 - used) * used)


def _layer_equivalents(shape: Geometry) -> float:
    """Layers of attention and network together; some models count each half as a layer of its own."""
    layers = shape.layers or 0
    mixers = full_layers(shape) + (shape.sliding_layers or 0) + (shape.linear_layers or 0)
    networks = layers - mixers if mixers < layers else layers
    return (min(mixers, layers) + networks) / 2


def clock_of(chip: Chip, c: SpeedConstants = SPEED) -> float:
    """Work per GPU core and second, relative to the M4; later generations than we know count as the newest."""
    if chip.generation <= 3:
        return (c.clock_m1, c.clock_m2, c.clock_m3)[chip.generation - 1]
    return _NEWER_CLOCK.get(chip.generation, _NEWER_CLOCK[6])


def token_seconds(
    load: Load, chip: Chip, *, context_tokens: float, kv_read_bytes: float, parallel: int = 1, c: SpeedConstants = SPEED
) -> float:
    """Seconds for the next token of each of `parallel` sequences, all with that much context behind them."""
    clock = clock_of(chip, c)
    bandwidth = chip.bandwidth_bytes_per_s * chip.reachable_share * c.bandwidth_share
    if chip.tier == "Ultra":
        bandwidth *= c.ultra_share
    core = chip.gpu_cores * clock
    weights = _weights_seconds(load, chip, bandwidth=bandwidth, core=core, c=c)
    overhead = _overhead_ms(load, c, is_ultra=chip.tier == "Ultra") / 1000 / clock
    window = min(context_tokens, load.sliding_window) if load.sliding_window else context_tokens
    queries = load.full_queries * context_tokens + load.sliding_queries * window
    core_s = c.attention_core_s_old_ollama if load.is_old_ollama else c.attention_core_s_gguf
    if load.is_mlx:
        core_s = c.attention_core_s_mlx
    cache = kv_read_bytes / (c.kv_share * bandwidth) + core_s * queries / 1e9 / core
    cache += 2 * load.linear_state_bytes / bandwidth
    if load.delta_layers and not load.is_mlx:
        cache += c.delta_core_s_per_gb_gguf * load.linear_state_bytes / 1e9 / core
    return weights + overhead + cache * max(1, parallel)


def _weights_seconds(load: Load, chip: Chip, *, bandwidth: float, core: float, c: SpeedConstants) -> float:
    share = c.expert_share_mlx if load.is_mlx else c.expert_share_gguf
    read = load.dense_bytes + load.expert_bytes / share
    parameters = (load.dense_parameters + load.expert_parameters / share) / 1e9
    reading = read / bandwidth
    unpacking = (c.core_s_per_gb * read / 1e9 + _core_s_per_gparam(load, chip, c) * parameters) / core
    return float((reading**c.overlap + unpacking**c.overlap) ** (1 / c.overlap))


def _core_s_per_gparam(load: Load, chip: Chip, c: SpeedConstants) -> float:
    match load.kind:
        case "k":
            return c.core_s_per_gparam_k + (c.core_s_per_gparam_k_m1 if chip.generation == 1 else 0)
        case "mlx":
            return c.core_s_per_gparam_mlx
        case "q4":
            return c.core_s_per_gparam_q4
        case "q8":
            return c.core_s_per_gparam_q8
        case "mx":
            return c.core_s_per_gparam_mx
    return 0.0


def _overhead_ms(load: Load, c: SpeedConstants, *, is_ultra: bool) -> float:
    """What the layers cost however small they are: starting kernels, norms, routing."""
    if load.is_mlx:
        layer, moe, delta, gemma = c.layer_ms_mlx, c.moe_layer_ms_mlx, c.delta_layer_ms_mlx, c.gemma_layer_ms_mlx
        moe += c.router_ms_per_100_experts_mlx * load.experts / 100
    else:
        layer, moe, delta, gemma = c.layer_ms_gguf, c.moe_layer_ms_gguf, c.delta_layer_ms_gguf, c.gemma_layer_ms_gguf
        layer += c.ultra_layer_ms_gguf if is_ultra else 0
        delta += c.old_ollama_delta_layer_ms if load.is_old_ollama else 0
    return (
        (layer + (gemma if load.is_gemma else 0)) * load.layer_count
        + moe * load.moe_layers
        + delta * load.delta_layers
        + c.mamba_layer_ms * load.mamba_layers
    )


def prefill_seconds(
    load: Load,
    chip: Chip,
    *,
    prompt_tokens: float,
    batch_tokens: int | None = None,
    c: PrefillConstants = PREFILL,
    speed: SpeedConstants = SPEED,
) -> float:
    """Seconds to read a prompt from its beginning, without loading the model."""
    seconds = _cool_seconds(load, chip, prompt_tokens, batch_tokens, c=c, speed=speed)
    if chip.generation <= _NO_TENSOR_UNITS:
        return seconds
    # The M5 reads slower once its tensor units have made it hot, and their tiles are large for a few tokens and many
    # experts. But it is never slower than a chip that has none.
    plain = chip._replace(generation=_NO_TENSOR_UNITS)
    hot = max(seconds, c.m5_cool_s + (seconds - c.m5_cool_s) / c.m5_hot_share)
    return min(hot, _cool_seconds(load, plain, prompt_tokens, batch_tokens, c=c, speed=speed))


def _cool_seconds(
    load: Load,
    chip: Chip,
    prompt_tokens: float,
    batch_tokens: int | None,
    *,
    c: PrefillConstants,
    speed: SpeedConstants,
) -> float:
    batch = batch_tokens or (_BATCH_MLX if load.is_mlx else _BATCH_GGUF)
    rate = _prefill_rate(load, chip, c)
    whole, rest = divmod(prompt_tokens, batch)
    seconds = whole * _batch_seconds(load, chip, batch, rate=rate, c=c) if whole else 0.0
    seconds += _batch_seconds(load, chip, rest, rate=rate, c=c) if rest else 0.0
    seconds += _start_seconds(load, chip, batches=whole + (1 if rest else 0), c=speed)
    window = min(prompt_tokens, 2 * load.sliding_window) if load.sliding_window else prompt_tokens
    queries = load.full_queries * prompt_tokens + load.sliding_queries * window
    return float(seconds + 2 * queries * prompt_tokens / _attention_rate(load, chip, rate=rate, c=c))


def _start_seconds(load: Load, chip: Chip, *, batches: float, c: SpeedConstants) -> float:
    """What a prompt costs however short it is: a batch goes through the layers as a token does, kernel by kernel."""
    seconds = batches * _overhead_ms(load, c, is_ultra=chip.tier == "Ultra") / 1000 / clock_of(chip, c)
    # mlx-lm reads a prompt's last token by itself, as one that it writes (its generate.py).
    return seconds + (token_seconds(load, chip, context_tokens=0, kv_read_bytes=0, c=c) if load.is_mlx else 0.0)


def _batch_seconds(load: Load, chip: Chip, tokens: float, *, rate: float, c: PrefillConstants) -> float:
    """One batch through all layers, without attention; `rate` is that of the matrices."""
    dense = (load.dense_parameters - load.output_parameters) * tokens
    arithmetic = 2 * (dense + _expert_products(load, chip, tokens, c)) / rate
    reading = load.file_bytes / chip.bandwidth_bytes_per_s
    # What lies between the matrices is written and read again.
    between = c.passes * load.activation_elements * (2 if load.is_mlx else 4) * tokens / chip.bandwidth_bytes_per_s
    # Linear attention goes through the prompt token by token, however many cores there are.
    state = c.delta_token_us / 1e6 * load.delta_layers * tokens
    return float((arithmetic**3 + reading**3) ** (1 / 3) + between + state)


def _expert_products(load: Load, chip: Chip, tokens: float, c: PrefillConstants) -> float:
    """Multiplications by experts' weights: they work on tiles of tokens, and the last of each is part empty."""
    if not load.experts or not load.experts_used or not load.expert_parameters:
        return load.expert_parameters * tokens
    each = tokens * load.experts_used / load.experts
    tile = _tile(load, chip, c)
    tiles = (1 - exp(-each)) * max(1.0, each / tile + 0.5)
    return load.expert_parameters / load.experts_used * load.experts * tiles * tile


def _tile(load: Load, chip: Chip, c: PrefillConstants) -> float:
    if load.is_mlx:
        return c.expert_tile_mlx_m5 if chip.generation > _NO_TENSOR_UNITS else c.expert_tile_mlx
    return c.expert_tile_gguf


def _prefill_rate(load: Load, chip: Chip, c: PrefillConstants) -> float:
    """Floating-point operations of the matrices per second."""
    generation = _NO_TENSOR_UNITS if load.is_old_ollama and chip.generation > _NO_TENSOR_UNITS else chip.generation
    rate = (c.m1, c.m2, c.m3, c.m4, c.m5)[min(generation, 5) - 1] * chip.gpu_cores
    if chip.tier == "Ultra":
        rate *= c.ultra_prefill_share
    if chip.generation == 1 and not chip.tier:
        rate *= c.m1_base_share
    if load.kind == "f16":
        rate *= c.f16_factor_m1_m2 if chip.generation < 3 else c.f16_factor
    if load.is_mlx:
        rate *= c.mlx_factor
    if load.is_old_ollama and (load.delta_layers or load.moe_layers):
        rate *= c.old_ollama_share
    return rate


def _attention_rate(load: Load, chip: Chip, *, rate: float, c: PrefillConstants) -> float:
    """llama.cpp's attention does without the tensor units of the M5."""
    if load.is_mlx:
        return rate * (c.attention_share_mlx_wide if load.head_dim > _WIDEST_FUSED_HEAD else c.attention_share_mlx)
    if chip.generation > _NO_TENSOR_UNITS:
        rate = _prefill_rate(load, chip._replace(generation=_NO_TENSOR_UNITS), c)
    return rate * c.attention_share_gguf
