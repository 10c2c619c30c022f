"""The constants of the fit estimate, with units. `.ci/bench fit-constants` finds them anew from routing/data/fit.

Memory's are set by hand on the runs with a known allocation; the others are the least-squares fit printed in
docs/fit.md.
"""

from ..named_tuple import NamedTuple


class MemoryConstants(NamedTuple):
    """Compute buffers: a base for each engine and a part that grows with the model's width."""

    compute_gguf_bytes: float = 0.35e9
    # Where the shape is not known.
    compute_mlx_bytes: float = 0.60e9
    compute_bytes_per_hidden: float = 40_000.0
    # MLX frees what layers leave behind a few layers late, and reads prompts in batches.
    mlx_layers_alive: float = 4.0
    mlx_batch_tokens: int = 2048
    # Linear attention keeps copies for each token of the batch: so much of one layer's state. Set by hand on the growth
    # from 512 to 1,024 tokens that claude-code-local's issue 31 shows.
    mlx_state_share: float = 0.27
    # A vision tower, in 16 bits, is no larger than this: Gemma 4's is 1.1 GB. mlx-lm leaves it out.
    vision_tower_bytes: int = 1_300_000_000
    # A sliding-window cache holds the window and one batch.
    batch_tokens: int = 512
    # Ollama's MLX engine keeps earlier prompts up to this (its issues 18131 to 18133).
    ollama_mlx_prefix_bytes: int = 8 * 2**30


class SpeedConstants(NamedTuple):
    """`_share` of the nominal bandwidth; `core_s` are seconds of one GPU core at the M4's clock; `_ms` per token."""

    bandwidth_share: float = 0.9331
    ultra_share: float = 0.9037
    # Reading and unpacking overlap: their times add up as powers.
    overlap: float = 3.237
    core_s_per_gb: float = 0.03535
    core_s_per_gparam_q4: float = 0.009871
    core_s_per_gparam_q8: float = 0.007972
    core_s_per_gparam_k: float = 0.004359
    core_s_per_gparam_mlx: float = 0.006901
    core_s_per_gparam_mx: float = 0.009391
    # The M1's GPU unpacks K mixtures far more slowly.
    core_s_per_gparam_k_m1: float = 0.03086
    # Experts are gathered from many places: a lower share of the bandwidth.
    expert_share_gguf: float = 0.6976
    expert_share_mlx: float = 0.708
    layer_ms_gguf: float = 0.06753
    layer_ms_mlx: float = 0.05494
    moe_layer_ms_gguf: float = 0.02793
    moe_layer_ms_mlx: float = 0.009469
    delta_layer_ms_gguf: float = 0.05489
    delta_layer_ms_mlx: float = 0.05882
    # llama.cpp works through the state of linear attention on the cores: seconds of one core per GB of it.
    delta_core_s_per_gb_gguf: float = 1.125
    # MLX chooses experts by sorting: it takes longer the more there are.
    router_ms_per_100_experts_mlx: float = 0.008919
    mamba_layer_ms: float = 0.05793
    # Gemma's layers have twice the norms.
    gemma_layer_ms_gguf: float = 0.02952
    gemma_layer_ms_mlx: float = 0.05846
    # Builds of llama.cpp from 2023, on which the table of discussion 4167 rests.
    old_build_layer_ms: float = 0.03676
    # Ollama's own engine, which ran all models before 0.30 (its pull request 16031).
    old_ollama_delta_layer_ms: float = 0.315
    # The two dies of an Ultra wait for each other between kernels of llama.cpp.
    ultra_layer_ms_gguf: float = 0.03188
    # The cache is read once; then each query head works through it.
    kv_share: float = 0.858
    # No fitted row of llama.cpp is deep enough to tell: its prior, between what MLX and old Ollama were measured at.
    attention_core_s_gguf: float = 0.04366
    attention_core_s_old_ollama: float = 0.1043
    attention_core_s_mlx: float = 0.02819
    clock_m1: float = 0.7315
    clock_m2: float = 0.8383
    clock_m3: float = 0.8389
    # Share of the first tokens' time that rates of whole runs contain (only where a source measured so).
    wall_share: float = 0.3452
    # And of what an MLX server spends on a request besides (the same sources).
    wall_start_s_mlx: float = 0.118


class PrefillConstants(NamedTuple):
    """Floating-point operations per second and GPU core, by generation, and what changes them."""

    m1: float = 228.7e9
    m2: float = 245e9
    m3: float = 267.6e9
    m4: float = 300.8e9
    # The figure that three public notes on llama.cpp's table agree on (1080), without the output matrix. Tensor units.
    m5: float = 1060e9
    m1_base_share: float = 0.9056
    ultra_prefill_share: float = 0.9551
    mlx_factor: float = 1.078
    f16_factor_m1_m2: float = 1.121
    f16_factor: float = 1.038
    # How often what lies between the matrices is written or read.
    passes: float = 4
    # Tokens that an expert's matrix is multiplied with at a time.
    expert_tile_gguf: float = 39.85
    expert_tile_mlx: float = 40.67
    expert_tile_mlx_m5: float = 184.3
    # Of the matrices' rate.
    attention_share_gguf: float = 0.6635
    attention_share_mlx: float = 0.9
    attention_share_mlx_wide: float = 0.6111
    # A step of linear attention through one layer.
    delta_token_us: float = 0.2926
    # By hand: Ollama's own engine with mixtures and linear attention.
    old_ollama_share: float = 0.7
    m5_hot_share: float = 0.7914
    m5_cool_s: float = 3


MEMORY = MemoryConstants()
SPEED = SpeedConstants()
PREFILL = PrefillConstants()


class Spread(NamedTuple):
    """Measured over predicted: between these lay nine of ten rows that had no part in the prediction."""

    low: float
    high: float


# `.ci/bench fit` prints what the rows show. Runs of this Mac are judged by the other runs of their machine; the formula
# by sources that were left out, and no narrower than it was on other people's Macs (docs/fit.md).
DECODE_SPREAD = {
    "measured": Spread(0.90, 1.10),
    "corrected": Spread(0.87, 1.12),
    "fleet": Spread(0.87, 1.12),
    "formula": Spread(0.75, 1.18),
}
PREFILL_SPREAD = {
    "measured": Spread(0.90, 1.10),
    "corrected": Spread(0.85, 1.13),
    "fleet": Spread(0.85, 1.13),
    "formula": Spread(0.70, 1.25),
}
# Of what a model needs: the conformal quantile (its n + 1 allows for few rows) for nine of ten, up to a whole percent.
MEMORY_SPREAD = Spread(0.96, 1.04)
# Ollama's engine changed more between versions than the others.
OLLAMA_DECODE_SPREAD = Spread(0.70, 1.28)
# Of the ratio (as a logarithm) of runs of the same class.
CORRECTION_WEIGHT = 0.5
# What a Mac's disk reads in a second while a model loads: slow ones of the base models, fast ones of the larger.
# Apple's figures for its own disks; a file that is still in memory loads at once.
DISK_BYTES_PER_S = Spread(1.5e9, 6e9)
