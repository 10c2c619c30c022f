"""The whole estimate: verdict, speed, basis, and what is said when something is not known or absurd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine.facts import Hardware, RuntimeKind
from routing.engine.fit.basis import NOTHING_LEARNED, Factors, Learned, learn
from routing.engine.fit.case import FitMachine, FitModel, machine_of
from routing.engine.fit.chips import Chip, chip_names, core_counts, find_chip
from routing.engine.fit.estimate import Estimate, Verdict, estimate, largest_context, measured_run
from routing.engine.fit.geometry import Geometry
from routing.engine.fit.memory import GpuLimit
from tests.engine.fit.models import CODER_NEXT, GB, MODELS, QWEN_27B, QWEN_32B, mac

LLAMA_CPP, MLX, OLLAMA = RuntimeKind.LLAMA_CPP, RuntimeKind.MLX_LM, RuntimeKind.OLLAMA


GLM_FLASH = next(model for model in MODELS if model.name == "glm-4.7-flash")
CHIPS = [
    chip
    for name in chip_names()
    for cores in core_counts(name)
    if (chip := find_chip(name, gpu_cores=cores)) is not None
]


def is_faster(slow: Chip, fast: Chip) -> bool:
    """In every respect at least as fast: of one tier, for the largest chips are two that are joined."""
    return (
        fast.tier == slow.tier
        and fast.generation >= slow.generation
        and fast.gpu_cores >= slow.gpu_cores
        and fast.bandwidth_bytes_per_s >= slow.bandwidth_bytes_per_s
    )


CHIP_PAIRS = st.sampled_from([(slow, fast) for slow in CHIPS for fast in CHIPS if is_faster(slow, fast)])


def ask(
    model: FitModel = QWEN_27B,
    machine: FitMachine | None = None,
    *,
    quantization: str = "Q4_K_M",
    runtime: RuntimeKind = LLAMA_CPP,
    tokens: int = 8_192,
    parallel: int = 1,
    learned: Learned = NOTHING_LEARNED,
) -> Estimate:
    return estimate(
        machine or mac(), model, quantization=quantization, runtime=runtime, context_tokens=tokens, parallel=parallel,
        learned=learned,
    )  # fmt: skip


def learned_from(machine: FitMachine, model: FitModel, *, rate: float, depth: int = 512) -> Learned:
    run = measured_run(
        machine, model, quantization="Q4_K_M", runtime=LLAMA_CPP, depth_tokens=depth, decode_tokens_per_s=rate,
        prompt_tokens_per_s=100.0,
    )  # fmt: skip
    return learn([run], {})


def low_and_high(found: tuple[float, float] | None) -> tuple[float, float]:
    assert found is not None
    return found


class TestMemory:
    def test_a_model_with_room_to_spare_fits(self) -> None:
        assert ask(QWEN_27B).verdict is Verdict.FITS

    def test_less_than_a_gigabyte_to_spare_is_tight(self) -> None:
        memory = ask(QWEN_27B).memory
        assert memory is not None

        machine = mac()._replace(limit=GpuLimit(memory.total_bytes + GB // 2, "reported"))

        assert ask(QWEN_27B, machine).verdict is Verdict.TIGHT

    def test_memory_that_other_programs_hold_makes_it_tight(self) -> None:
        assert ask(QWEN_27B, mac()._replace(available_bytes=10 * GB)).verdict is Verdict.TIGHT

    def test_what_is_too_large_says_by_how_much(self) -> None:
        found = ask(CODER_NEXT, mac(memory_gb=32))

        assert found.verdict is Verdict.TOO_LARGE
        assert found.spare_bytes is not None
        assert found.spare_bytes < -20 * GB

    def test_the_default_tag_of_the_flagship_does_not_fit_a_64_gb_mac_but_mlx_does(self) -> None:
        tag = CODER_NEXT._replace(sizes={"Q4_K_M": 52_000_000_000})

        assert ask(tag, tokens=262_144).verdict is Verdict.TOO_LARGE
        assert ask(CODER_NEXT, quantization="4bit", runtime=MLX, tokens=65_536).verdict is Verdict.FITS

    def test_ollama_with_an_mlx_file_may_keep_eight_gibibytes_of_earlier_prompts(self) -> None:
        plain, kept = (ask(CODER_NEXT, quantization="4bit", runtime=runtime).memory for runtime in (MLX, OLLAMA))
        assert plain is not None
        assert kept is not None

        assert (plain.prefix_cache_bytes, kept.prefix_cache_bytes) == (0, 8 * 2**30)
        assert kept.total_bytes - plain.total_bytes == 8 * 2**30

    def test_the_largest_context_is_bounded_by_the_models_window(self) -> None:
        found = largest_context(mac(memory_gb=128), QWEN_32B, quantization="Q4_K_M", runtime=LLAMA_CPP)

        assert found == 40_960


class TestSpeed:
    def test_a_deeper_context_is_slower(self) -> None:
        short, long = (low_and_high(ask(tokens=tokens).decode_tokens_per_s) for tokens in (512, 65_536))

        assert long < short

    def test_memory_is_told_as_a_range_around_its_terms(self) -> None:
        found = ask(QWEN_32B)

        assert found.memory is not None
        assert found.memory_bytes is not None
        assert found.memory_bytes[0] < found.memory.total_bytes < found.memory_bytes[1]

    def test_a_range_holds_its_lower_end_first(self) -> None:
        found = ask()

        for low, high in (found.decode_tokens_per_s, found.prefill_tokens_per_s, found.first_token_s, found.load_s):  # type: ignore[misc]
            assert 0 < low < high

    def test_agents_at_work_together_wait_longer_for_the_first_token(self) -> None:
        one, four = (low_and_high(ask(parallel=agents).first_token_s) for agents in (1, 4))

        assert four[0] > 3 * one[0]

    def test_a_hot_chip_is_no_slower_than_the_one_before_it(self) -> None:
        """Where most of the time is attention, for which llama.cpp leaves the tensor units alone."""
        before, after = (
            ask(GLM_FLASH, mac()._replace(chip=find_chip(name, gpu_cores=8)), tokens=32_768) for name in ("M4", "M5")
        )

        assert low_and_high(after.prefill_tokens_per_s) >= low_and_high(before.prefill_tokens_per_s)

    @given(
        model=st.sampled_from(MODELS), tokens=st.sampled_from([0, 512, 32_768]), is_mlx=st.booleans(), chips=CHIP_PAIRS
    )
    def test_a_faster_chip_is_never_slower(
        self, model: FitModel, tokens: int, is_mlx: bool, chips: tuple[Chip, Chip]
    ) -> None:
        runtime, quantization = (MLX, "4bit") if is_mlx else (LLAMA_CPP, "Q4_K_M")

        before, after = (
            ask(model, mac()._replace(chip=chip), quantization=quantization, runtime=runtime, tokens=tokens)
            for chip in chips
        )

        if before.decode_tokens_per_s is not None:
            assert low_and_high(after.decode_tokens_per_s) >= before.decode_tokens_per_s
            assert low_and_high(after.prefill_tokens_per_s) >= low_and_high(before.prefill_tokens_per_s)


class TestBasis:
    def test_without_any_run_the_formula_speaks(self) -> None:
        assert ask().basis == "formula"

    def test_a_run_of_this_model_here_is_repeated_at_its_own_depth(self) -> None:
        found = ask(tokens=512, learned=learned_from(mac(), QWEN_27B, rate=7.0))

        assert found.basis == "measured"
        low, high = low_and_high(found.decode_tokens_per_s)
        assert low < 7.0 < high

    def test_a_run_at_another_depth_is_carried_over_by_the_formula(self) -> None:
        learned = learned_from(mac(), QWEN_27B, rate=7.0)

        shallow, deep = (
            low_and_high(ask(tokens=tokens, learned=learned).decode_tokens_per_s) for tokens in (512, 131_072)
        )

        assert deep[1] < shallow[0]

    def test_a_run_of_the_same_kind_counts_half(self) -> None:
        dense = FitModel("another", QWEN_32B.shape, QWEN_32B.sizes)
        whole = measured_run(
            mac(), dense, quantization="Q4_K_M", runtime=LLAMA_CPP, depth_tokens=512, decode_tokens_per_s=1.0,
            prompt_tokens_per_s=None,
        ).formula_decode  # fmt: skip
        assert whole is not None

        found = ask(QWEN_32B, tokens=512, learned=learned_from(mac(), dense, rate=whole * 0.36))

        assert found.basis == "corrected"
        low, high = low_and_high(found.decode_tokens_per_s)
        assert low < whole * 0.6 < high
        assert (low + high) / 2 == pytest.approx(whole * 0.6, rel=0.05)

    def test_the_teams_other_macs_come_before_the_formula(self) -> None:
        learned = Learned(fleet={("qwen3.6-27b", "Q4_K_M", False): Factors(0.5, None)})

        found = ask(tokens=512, learned=learned)

        assert found.basis == "fleet"
        assert low_and_high(found.decode_tokens_per_s)[1] < low_and_high(ask(tokens=512).decode_tokens_per_s)[0]

    def test_a_run_here_goes_before_everything_else(self) -> None:
        fleet = {("qwen3.6-27b", "Q4_K_M", False): Factors(0.5, None)}
        learned = learned_from(mac(), QWEN_27B, rate=7.0)._replace(fleet=fleet)

        assert ask(tokens=512, learned=learned).basis == "measured"


class TestWhatIsNotKnown:
    def test_an_unknown_chip_has_no_speed_but_a_verdict(self) -> None:
        machine = machine_of(Hardware("darwin", chip="Apple M9 Hyper", memory_bytes=64 * 2**30))

        found = ask(machine=machine)

        assert (found.decode_tokens_per_s, found.first_token_s) == (None, None)
        assert "chip_unknown" in found.notes
        assert found.verdict is Verdict.FITS

    def test_an_unknown_chip_with_reported_bandwidth_and_cores_has_a_speed(self) -> None:
        chip = find_chip("Apple M7 Max", gpu_cores=48, bandwidth_bytes_per_s=800e9)

        assert ask(machine=mac()._replace(chip=chip)).decode_tokens_per_s is not None

    def test_an_unknown_chip_speaks_of_what_was_measured_on_it(self) -> None:
        machine = mac()._replace(chip=None)

        found = ask(machine=machine, learned=learned_from(machine, QWEN_27B, rate=7.0))

        assert found.basis == "measured"
        assert found.decode_tokens_per_s is not None

    def test_without_a_shape_there_is_memory_from_the_file_and_no_claim_on_context(self) -> None:
        bare = FitModel("private", Geometry(), {"Q4_K_M": 5 * GB})

        found = ask(bare)

        assert found.memory is not None
        assert (found.memory.weights_bytes, found.verdict) == (5 * GB, Verdict.UNKNOWN)
        assert largest_context(mac(), bare, quantization="Q4_K_M", runtime=LLAMA_CPP) is None
        assert "geometry_unknown" in found.notes

    def test_without_a_shape_a_file_larger_than_the_limit_is_still_too_large(self) -> None:
        bare = FitModel("private", Geometry(), {"Q4_K_M": 90 * GB})

        assert ask(bare).verdict is Verdict.TOO_LARGE

    def test_nothing_at_all_is_unknown(self) -> None:
        found = estimate(FitMachine(None, None), FitModel("x"), quantization=None, runtime=OLLAMA, context_tokens=0)

        assert (found.memory, found.verdict, found.spare_bytes) == (None, Verdict.UNKNOWN, None)

    @pytest.mark.parametrize("tokens", [-1, -(10**15), 10**12 + 1, 10**30])
    def test_an_absurd_context_is_bounded_and_said(self, tokens: int) -> None:
        found = ask(tokens=tokens)

        assert "input_bounded" in found.notes

    def test_a_trillion_tokens_do_not_fit_and_are_over_the_models_window(self) -> None:
        found = ask(tokens=10**12)

        assert found.verdict is Verdict.TOO_LARGE
        assert "context_over_model" in found.notes

    @pytest.mark.parametrize("parallel", [0, -3, 10**9])
    def test_an_absurd_number_of_agents_is_bounded_and_said(self, parallel: int) -> None:
        assert "input_bounded" in ask(parallel=parallel).notes

    def test_an_unknown_quantization_says_so(self) -> None:
        found = ask(quantization="zip")

        assert (found.memory, found.decode_tokens_per_s) == (None, None)
        assert "quantization_unknown" in found.notes
