"""Does a model fit this machine, with which context, how soon and how fast does it answer? Pure arithmetic on facts.

`estimate` answers for one context, `largest_context` the other way round. What is not known is None, never a guess.
Memory stands in `memory`, speed in `speed`, what measured runs change in `basis`.
"""

from enum import StrEnum

from ..facts import RuntimeKind
from ..named_tuple import NamedTuple
from .basis import NOTHING_LEARNED, Learned, Run
from .case import Case, FitMachine, FitModel, Range, two_digits
from .constants import DISK_BYTES_PER_S, MEMORY_SPREAD
from .memory import MAX_CONTEXT_TOKENS, MAX_PARALLEL, SPARE_BYTES, GpuLimit, Memory, most_context


class Verdict(StrEnum):
    """`tight`: within the limit, but not with a gigabyte to spare, or only once other programs let go of memory."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_LARGE = "too_large"
    UNKNOWN = "unknown"


class Estimate(NamedTuple):
    """Ranges are (low, high). `spare_bytes` is what stays free below the limit, negative where that much is missing.

    `notes` say what is not known or was not taken as asked: `chip_unknown`, `geometry_unknown`,
    `quantization_unknown`, `limit_unknown`, `context_over_model`, `input_bounded`.
    """

    memory: Memory | None
    limit: GpuLimit | None
    verdict: Verdict
    spare_bytes: int | None
    decode_tokens_per_s: Range | None
    prefill_tokens_per_s: Range | None
    first_token_s: Range | None
    load_s: Range | None
    basis: str
    notes: tuple[str, ...]

    @property
    def memory_bytes(self) -> tuple[int, int] | None:
        """What is needed, as a range. Without the shape only the file is known, and no range."""
        if self.memory is None or "geometry_unknown" in self.notes:
            return None
        needed = self.memory.total_bytes
        return int(needed * MEMORY_SPREAD.low), int(needed * MEMORY_SPREAD.high)


def estimate(  # noqa: PLR0913 - what the question consists of
    machine: FitMachine,
    model: FitModel,
    *,
    quantization: str | None,
    runtime: RuntimeKind,
    context_tokens: int,
    kv_quantization: str = "f16",
    parallel: int = 1,
    learned: Learned = NOTHING_LEARNED,
) -> Estimate:
    """For a prompt of `context_tokens` (the answer comes after it), in each of `parallel` conversations."""
    case = Case.of(machine, model, quantization, runtime, kv_quantization=kv_quantization)
    return estimate_of(case, context_tokens, parallel=parallel, learned=learned)


def estimate_of(case: Case, context_tokens: int, *, parallel: int = 1, learned: Learned = NOTHING_LEARNED) -> Estimate:
    """The same for a case that is asked more than once."""
    machine, window = case.machine, case.model.shape.context_tokens
    tokens = min(max(context_tokens, 0), MAX_CONTEXT_TOKENS)
    agents = min(max(parallel, 1), MAX_PARALLEL)
    notes = case.notes
    if tokens != context_tokens or agents != parallel:
        notes = (*notes, "input_bounded")
    if window is not None and tokens > window:
        notes = (*notes, "context_over_model")
    memory = case.memory(tokens, agents)
    verdict, spare = _verdict(machine, memory, is_cache_known=case.is_cache_known)
    decode, prefill, basis = case.speed(tokens, agents, learned)
    return Estimate(
        memory=memory,
        limit=machine.limit,
        verdict=verdict,
        spare_bytes=spare,
        decode_tokens_per_s=decode,
        prefill_tokens_per_s=prefill,
        first_token_s=_first_token(prefill, max(tokens, 1) * agents),
        load_s=load_seconds(memory.weights_bytes) if memory else None,
        basis=basis,
        notes=notes,
    )


def largest_context(
    machine: FitMachine,
    model: FitModel,
    *,
    quantization: str | None,
    runtime: RuntimeKind,
    kv_quantization: str = "f16",
    parallel: int = 1,
) -> int | None:
    """The most tokens of context that fit with a gigabyte to spare; 0: it fits with none. None: not known."""
    case = Case.of(machine, model, quantization, runtime, kv_quantization=kv_quantization)
    return largest_context_of(case, parallel=parallel)


def largest_context_of(case: Case, *, parallel: int = 1, spare_bytes: int = SPARE_BYTES) -> int | None:
    """The same for a case that is asked more than once, with that much to spare."""
    limit = case.machine.limit
    if case.weights is None or limit is None or not case.is_cache_known:
        return None
    return most_context(
        case.model.shape,
        case.weights,
        limit.limit_bytes - spare_bytes - case.prefix_cache_bytes,
        kv_bytes=case.kv_bytes,
        parallel=parallel,
        is_mlx=case.is_mlx,
    )


def measured_run(  # noqa: PLR0913 - one row of a benchmark
    machine: FitMachine,
    model: FitModel,
    *,
    quantization: str | None,
    runtime: RuntimeKind,
    depth_tokens: int,
    decode_tokens_per_s: float,
    prompt_tokens_per_s: float | None,
    runtime_version: str | None = None,
) -> Run:
    """A measured run beside what the formula says of it."""
    case = Case.of(machine, model, quantization, runtime, kv_quantization="f16", runtime_version=runtime_version)
    rates = case.formula(min(max(depth_tokens, 0), MAX_CONTEXT_TOKENS))
    return Run(
        key=case.key,
        model_class=model.model_class,
        depth_tokens=depth_tokens,
        decode_tokens_per_s=decode_tokens_per_s,
        prompt_tokens_per_s=prompt_tokens_per_s,
        formula_decode=rates[0] if rates else None,
        formula_prefill=rates[1] if rates else None,
    )


def load_seconds(size_bytes: int) -> Range:
    """From the disk; nothing is read when the file is still in memory, so this is for a cold start."""
    return two_digits(size_bytes / DISK_BYTES_PER_S.high), two_digits(size_bytes / DISK_BYTES_PER_S.low)


def _first_token(prefill: Range | None, tokens: int) -> Range | None:
    if prefill is None or prefill[0] <= 0:
        return None
    return two_digits(tokens / prefill[1]), two_digits(tokens / prefill[0])


def _verdict(machine: FitMachine, memory: Memory | None, *, is_cache_known: bool) -> tuple[Verdict, int | None]:
    """Without the shape only the file is known: then it can be too large, but nobody says that it fits."""
    if memory is None or machine.limit is None:
        return Verdict.UNKNOWN, None
    spare = machine.limit.limit_bytes - memory.total_bytes
    if spare < 0:
        return Verdict.TOO_LARGE, spare
    if not is_cache_known:
        return Verdict.UNKNOWN, spare
    is_held = machine.available_bytes is not None and memory.total_bytes > machine.available_bytes
    return (Verdict.TIGHT if spare < SPARE_BYTES or is_held else Verdict.FITS), spare
