"""Does a model fit this machine's memory, and how soon does it answer? Pure arithmetic on facts.

Memory compares the model's file with what the GPU may use. Speed comes from runs measured on this machine.
"""

from .answer import Expected
from .facts import MAX_TOKENS_PER_S, MIN_TOKENS_PER_S, Benchmark, Hardware, MachineFacts, ModelFacts, RuntimeFacts

# What the system leaves to the GPU when it reports no limit of its own: two thirds up to 32 GB, three quarters above.
# Read off Macs with macOS 15 and older; newer systems leave more, so this errs on the safe side.
_SMALL_MEMORY_BYTES = 36 * 10**9
_SMALL_SHARE, _LARGE_SHARE = (2, 3), (3, 4)
# Compute buffers and the KV cache of a short context, beside the weights.
_HEADROOM_BYTES = 10**9
# A measured run repeats within a tenth on a quiet machine; a busy one takes longer.
_FASTER, _SLOWER = 0.9, 1.25
# Past it a number is a mistake; the arithmetic of floats still holds.
_MAX_TOKENS = 10**12


def memory_limit_bytes(hardware: Hardware) -> int | None:
    """What models may use, in bytes; None when the machine's memory is unknown."""
    if hardware.gpu_limit_bytes is not None:
        return hardware.gpu_limit_bytes
    if hardware.memory_bytes is None or hardware.platform != "darwin":
        return hardware.memory_bytes
    numerator, denominator = _SMALL_SHARE if hardware.memory_bytes < _SMALL_MEMORY_BYTES else _LARGE_SHARE
    return hardware.memory_bytes * numerator // denominator


def needed_bytes(model: ModelFacts) -> int | None:
    """Memory for the weights and a short context; None when the size is unknown."""
    return None if model.size_bytes is None else model.size_bytes + _HEADROOM_BYTES


def expected_speed(facts: MachineFacts, runtime: RuntimeFacts, model: ModelFacts, *, total_tokens: int) -> Expected:
    """Seconds to the first token of a prompt of `total_tokens`, and decode speed, as ranges."""
    load_s = (0.0, 0.0) if model.is_loaded else None
    run = find_benchmark(facts, runtime, model, depth_tokens=total_tokens)
    if run is None:
        return Expected(first_token_s=None, decode_tokens_per_s=None, load_s=load_s, basis="formula")
    prefill_s = min(total_tokens, _MAX_TOKENS) / run.prompt_tokens_per_s
    return Expected(
        first_token_s=(two_digits(prefill_s * _FASTER), two_digits(prefill_s * _SLOWER)),
        decode_tokens_per_s=(
            two_digits(run.decode_tokens_per_s / _SLOWER),
            two_digits(run.decode_tokens_per_s / _FASTER),
        ),
        load_s=load_s,
        basis="measured",
    )


def find_benchmark(
    facts: MachineFacts, runtime: RuntimeFacts, model: ModelFacts, *, depth_tokens: int
) -> Benchmark | None:
    """The run of this model whose depth is nearest; of equals the newest."""
    own = [
        run
        for run in facts.benchmarks
        if run.runtime is runtime.kind
        and run.model == model.name
        and run.quantization == model.quantization
        and _is_speed(run.prompt_tokens_per_s)
        and _is_speed(run.decode_tokens_per_s)
    ]
    return min(own, key=lambda run: (abs(run.depth_tokens - depth_tokens), -run.measured_at.timestamp()), default=None)


def _is_speed(tokens_per_s: float) -> bool:
    """A figure that a report may hold; nothing else is taken as measured."""
    return MIN_TOKENS_PER_S <= tokens_per_s <= MAX_TOKENS_PER_S


def two_digits(value: float) -> float:
    """Rounded to two significant digits: closer figures than that are noise."""
    return float(f"{value:.2g}")
