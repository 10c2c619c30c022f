"""What the estimate takes from a runtime's version and from the names of its formats."""

import pytest

from routing.engine.facts import RuntimeKind
from routing.engine.fit.case import Case, FitModel
from routing.engine.fit.geometry import Geometry
from tests.engine.fit.models import GB, QWEN_27B, mac

LLAMA_CPP, MLX, OLLAMA = RuntimeKind.LLAMA_CPP, RuntimeKind.MLX_LM, RuntimeKind.OLLAMA


def rate(
    model: FitModel = QWEN_27B,
    quantization: str = "Q4_K_M",
    *,
    runtime: RuntimeKind = OLLAMA,
    version: str | None = None,
) -> float:
    case = Case.of(mac(), model, quantization, runtime, kv_quantization="f16", runtime_version=version)
    rates = case.formula(8_192)
    assert rates is not None
    return rates[0]


@pytest.mark.parametrize("version", ["0.1.2", "v0.24.0", "0.29.9-rc1"])
def test_ollamas_own_engine_was_slower_with_linear_attention(version: str) -> None:
    assert rate(version=version) < 0.9 * rate(runtime=LLAMA_CPP)


@pytest.mark.parametrize("version", ["0.30.0", "v0.31", "1.0", None, "unknown"])
def test_ollama_since_0_30_or_of_an_unknown_version_counts_as_llama_cpp(version: str | None) -> None:
    assert rate(version=version) == rate(runtime=LLAMA_CPP)


def test_what_a_microscaled_format_names_besides_the_experts_is_read_too() -> None:
    shape = Geometry(
        architecture="gpt_oss", parameters=21 * GB, active_parameters=36 * GB // 10, layers=24, hidden_size=2_880,
        heads=64, kv_heads=8, head_dim=64, full_layers=24, experts=32, experts_used=4,
    )  # fmt: skip
    model = FitModel("gpt-oss-20b", shape)

    assert rate(model, "MXFP4-Q8", runtime=MLX) < rate(model, "MXFP4-Q4", runtime=MLX)
