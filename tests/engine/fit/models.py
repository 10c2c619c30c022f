"""Models and Macs for tests of the fit estimate, with shapes as their makers publish them."""

from routing.engine.fit.case import FitMachine, FitModel
from routing.engine.fit.chips import find_chip
from routing.engine.fit.geometry import Geometry
from routing.engine.fit.memory import GpuLimit

GB = 10**9

GEMMA_31B = FitModel(
    "gemma-4-31b",
    Geometry(
        architecture="gemma4", parameters=30_700_000_000, layers=60, hidden_size=5376, heads=32, kv_heads=4,
        head_dim=512, full_layers=10, sliding_layers=50, sliding_window=1024, sliding_kv_heads=16,
        sliding_head_dim=256, context_tokens=262_144,
    ),
    {"Q4_K_M": 18_360_985_190},
)  # fmt: skip
GEMMA_26B = FitModel(
    "gemma-4-26b-a4b",
    Geometry(
        architecture="gemma4", parameters=25_200_000_000, active_parameters=3_800_000_000, layers=30,
        hidden_size=2816, heads=16, kv_heads=2, head_dim=512, full_layers=5, sliding_layers=25, sliding_window=1024,
        sliding_kv_heads=8, sliding_head_dim=256, experts=128, experts_used=8, context_tokens=262_144,
    ),
    {"Q4_K_M": 16_965_120_819},
)  # fmt: skip
QWEN_32B = FitModel(
    "qwen3-32b",
    Geometry(
        architecture="qwen3", parameters=32_762_000_000, active_parameters=31_984_000_000, layers=64,
        hidden_size=5120, heads=64, kv_heads=8, head_dim=128, full_layers=64, context_tokens=40_960,
    ),
    {"Q4_K_M": 19_760_000_000},
)  # fmt: skip
QWEN_27B = FitModel(
    "qwen3.6-27b",
    Geometry(
        architecture="qwen35", parameters=26_900_000_000, active_parameters=25_630_000_000, layers=64,
        hidden_size=5120, heads=24, kv_heads=4, head_dim=256, full_layers=16, linear_layers=48,
        linear_state_bytes=150_994_944, context_tokens=262_144,
    ),
    {"Q4_K_M": 16_857_746_637},
)  # fmt: skip
CODER_NEXT = FitModel(
    "qwen3-coder-next",
    Geometry(
        architecture="qwen3next", parameters=79_674_000_000, active_parameters=3_560_000_000, layers=48,
        hidden_size=2048, heads=16, kv_heads=2, head_dim=256, full_layers=12, linear_layers=36,
        linear_state_bytes=75_497_472, experts=512, experts_used=10, context_tokens=262_144,
    ),
    {"Q4_K_M": 48_490_000_000, "MLX-4bit": 44_844_000_000},
)  # fmt: skip
GLM_FLASH = FitModel(
    "glm-4.7-flash",
    Geometry(
        architecture="deepseek2", parameters=29_940_000_000, active_parameters=3_570_000_000, layers=47,
        hidden_size=2048, heads=20, kv_heads=20, head_dim=256, full_layers=47, mla_rank=512, mla_rope_dim=64,
        experts=64, experts_used=4, moe_layers=46, context_tokens=202_752,
    ),
    {"Q4_K_M": 18_360_985_190},
)  # fmt: skip
MODELS = (GEMMA_31B, GEMMA_26B, QWEN_32B, QWEN_27B, CODER_NEXT, GLM_FLASH)


def mac(chip: str = "Apple M4 Pro", *, gpu_cores: int = 20, memory_gb: int = 64) -> FitMachine:
    memory = memory_gb * 2**30
    return FitMachine(find_chip(chip, gpu_cores=gpu_cores), GpuLimit(memory * 3 // 4, "reported"), memory)
