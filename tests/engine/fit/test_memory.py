"""Memory by term, against figures that were published or measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine.facts import Hardware, RuntimeKind
from routing.engine.fit.case import Case, FitModel
from routing.engine.fit.constants import MEMORY
from routing.engine.fit.geometry import Geometry
from routing.engine.fit.memory import gpu_limit, kv_terms, most_context, needed_memory, ollama_default_context
from tests.bench.fit.rows import read_models
from tests.engine.fit.models import CODER_NEXT, GB, GEMMA_26B, GEMMA_31B, GLM_FLASH, MODELS, QWEN_27B, QWEN_32B, mac

GIB = 2**30
WINDOW = 262_144
LONGEST = 2_000_000


def cache_bytes(model: FitModel, tokens: int, *, kv_bytes: float = 2.0) -> int:
    return sum(kv_terms(model.shape, tokens, kv_bytes=kv_bytes))


def total_gb(model: FitModel, tokens: int, *, kv_bytes: float = 2.0, quantization: str = "Q4_K_M") -> float:
    weights = model.sizes[quantization]
    is_mlx = quantization.startswith("MLX")
    return needed_memory(model.shape, weights, tokens, kv_bytes=kv_bytes, parallel=1, is_mlx=is_mlx).total_bytes / GB


@pytest.mark.parametrize(("model", "published_gib"), [(GEMMA_31B, 20.8), (GEMMA_26B, 5.2)])
def test_a_sliding_window_model_needs_the_cache_that_its_maker_publishes(model: FitModel, published_gib: float) -> None:
    assert cache_bytes(model, WINDOW) / GIB == pytest.approx(published_gib, abs=0.5)


def test_a_dense_model_needs_what_its_server_was_measured_to_hold() -> None:
    assert total_gb(QWEN_32B, 40_960) == pytest.approx(30.58, rel=0.02)


def test_a_hybrid_model_needs_what_its_server_was_measured_to_hold() -> None:
    assert total_gb(QWEN_27B, WINDOW) == pytest.approx(34.87, rel=0.01)


def test_a_hybrid_mixture_with_a_quantized_cache_needs_what_was_measured() -> None:
    assert total_gb(CODER_NEXT, WINDOW, kv_bytes=1.0625) == pytest.approx(52.54, rel=0.01)


def test_latent_attention_keeps_one_vector_for_keys_and_values() -> None:
    assert cache_bytes(GLM_FLASH, 65_536) == 47 * (512 + 64) * 65_536 * 2


def test_counting_all_layers_as_full_ones_would_be_several_times_too_much() -> None:
    everywhere = CODER_NEXT.shape._replace(full_layers=48, linear_layers=0)

    assert sum(kv_terms(everywhere, 65_536, kv_bytes=2.0)) == 4 * cache_bytes(CODER_NEXT, 65_536)


def test_the_linear_state_does_not_grow_with_the_context() -> None:
    short, long = (
        needed_memory(QWEN_27B.shape, 1, tokens, kv_bytes=2.0, parallel=1, is_mlx=False) for tokens in (10, 100_000)
    )

    assert short.linear_state_bytes == long.linear_state_bytes == 150_994_944


def test_linear_attention_on_mlx_needs_more_for_each_token_of_a_batch() -> None:
    """claude-code-local's issue 31 shows 21.408 GB at a prompt of 512 tokens and 21.925 GB at 1,024."""
    short, long, whole = (
        needed_memory(read_models()["qwen3.6-35b-a3b"].shape, 0, tokens, kv_bytes=2.0, parallel=1, is_mlx=True)
        for tokens in (512, 1024, 65_536)
    )

    assert long.total_bytes - short.total_bytes == pytest.approx(0.517e9, rel=0.02)
    # A prompt is read in batches of 2,048.
    assert whole.compute_bytes == pytest.approx(4 * short.compute_bytes)


@pytest.mark.parametrize(
    ("runtime", "has_vision", "size"),
    [
        # Its file of 18.4 GB holds a vision tower, and 30.7 billion parameters of 4.5 bits.
        (RuntimeKind.MLX_LM, True, 17_268_750_000),
        (RuntimeKind.MLX_LM, False, 18_412_000_000),
        (RuntimeKind.MLX_LM, None, 18_412_000_000),
        (RuntimeKind.LM_STUDIO, True, 18_412_000_000),
        (RuntimeKind.OLLAMA, True, 18_412_000_000),
    ],
)
def test_mlx_lm_loads_no_vision_tower(runtime: RuntimeKind, has_vision: bool | None, size: int) -> None:
    model = GEMMA_31B._replace(sizes={"MLX-4bit": 18_412_000_000}, has_vision=has_vision)

    found = Case.of(mac(), model, "MLX-4bit", runtime, kv_quantization="f16")

    assert found.weights == size


def test_what_is_larger_than_a_vision_tower_counts_as_weights() -> None:
    """A mixture of bits goes by the same name."""
    model = GEMMA_31B._replace(sizes={"MLX-4bit": 25_000_000_000}, has_vision=True)

    found = Case.of(mac(), model, "MLX-4bit", RuntimeKind.MLX_LM, kv_quantization="f16")

    assert found.weights == 25_000_000_000 - MEMORY.vision_tower_bytes


def test_agents_at_work_together_share_the_weights_and_nothing_else() -> None:
    one, four = (
        needed_memory(QWEN_27B.shape, 100, 1_000, kv_bytes=2.0, parallel=agents, is_mlx=False) for agents in (1, 4)
    )

    assert four.weights_bytes == one.weights_bytes
    assert four.kv_bytes == 4 * one.kv_bytes


@given(
    model=st.sampled_from(MODELS),
    tokens=st.integers(0, LONGEST),
    more=st.integers(0, LONGEST),
    agents=st.integers(1, 8),
    is_mlx=st.booleans(),
)
def test_memory_never_falls_as_the_context_grows(
    model: FitModel, tokens: int, more: int, agents: int, is_mlx: bool
) -> None:
    short, long = (
        needed_memory(model.shape, 0, context, kv_bytes=2.0, parallel=agents, is_mlx=is_mlx)
        for context in (tokens, tokens + more)
    )

    assert cache_bytes(model, tokens) <= cache_bytes(model, tokens + more)
    assert short.compute_bytes <= long.compute_bytes
    assert short.total_bytes <= long.total_bytes


@given(
    model=st.sampled_from(MODELS),
    available_gb=st.integers(1, 200),
    kv_bytes=st.sampled_from([2.0, 1.0625, 0.5625]),
    agents=st.integers(1, 8),
    is_mlx=st.booleans(),
)
def test_the_largest_context_fits_and_one_token_more_does_not(
    model: FitModel, available_gb: int, kv_bytes: float, agents: int, is_mlx: bool
) -> None:
    weights, available = model.sizes["Q4_K_M"], available_gb * GB

    def needed(tokens: int) -> int:
        shape = model.shape
        return needed_memory(shape, weights, tokens, kv_bytes=kv_bytes, parallel=agents, is_mlx=is_mlx).total_bytes

    most = most_context(model.shape, weights, available, kv_bytes=kv_bytes, parallel=agents, is_mlx=is_mlx)

    if needed(0) > available:
        assert most == 0
    else:
        assert needed(most) <= available
        assert most == model.shape.context_tokens or needed(most + 1) > available


@pytest.mark.parametrize(
    ("memory_gib", "share"), [(16, 2 / 3), (24, 2 / 3), (32, 2 / 3), (36, 3 / 4), (64, 3 / 4), (96, 3 / 4)]
)
def test_a_mac_that_reports_no_limit_gets_the_share_of_older_systems(memory_gib: int, share: float) -> None:
    found = gpu_limit(Hardware("darwin", memory_bytes=memory_gib * GIB))

    assert found is not None
    assert found.source == "default"
    assert found.limit_bytes / (memory_gib * GIB) == pytest.approx(share)


def test_the_reported_limit_goes_before_any_table() -> None:
    found = gpu_limit(Hardware("darwin", memory_bytes=64 * GIB, gpu_limit_bytes=60 * GIB))

    assert found == (60 * GIB, "reported")


def test_a_reported_limit_is_no_more_than_the_memory() -> None:
    found = gpu_limit(Hardware("darwin", memory_bytes=16 * GIB, gpu_limit_bytes=2**50))

    assert found == (16 * GIB, "reported")


def test_memory_that_nobody_reported_gives_no_limit() -> None:
    assert gpu_limit(Hardware("darwin")) is None


@pytest.mark.parametrize(("gib", "tokens"), [(48, 262_144), (47, 262_144), (24, 32_768), (16, 4_096)])
def test_ollama_takes_its_context_by_the_gpu_memory(gib: int, tokens: int) -> None:
    assert ollama_default_context(gib * GIB) == tokens


def test_an_empty_shape_needs_no_cache() -> None:
    assert kv_terms(Geometry(), 1_000, kv_bytes=2.0) == (0, 0, 0)
