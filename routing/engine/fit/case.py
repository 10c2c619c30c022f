"""One model in one form on one machine: everything about a fit estimate that does not depend on the asked context."""

from collections.abc import Mapping

from ..facts import Hardware, MachineState, RuntimeKind
from ..named_tuple import NamedTuple
from .basis import Learned, RunKey
from .chips import Chip, find_chip
from .constants import DECODE_SPREAD, MEMORY, OLLAMA_DECODE_SPREAD, PREFILL_SPREAD, Spread
from .geometry import UNKNOWN, Geometry
from .memory import KV_BYTES, GpuLimit, Memory, gpu_limit, is_cache_known, kv_terms, needed_memory, weights_bytes
from .quantization import Quantization, read_quantization
from .speed import Load, load_of, prefill_seconds, token_seconds

type Range = tuple[float, float]

_MLX_RUNTIMES = (RuntimeKind.MLX_LM, RuntimeKind.OMLX)
# A prompt of no tokens has no speed; the shortest that is spoken of.
_SHORTEST_PROMPT = 512


class FitMachine(NamedTuple):
    chip: Chip | None
    limit: GpuLimit | None
    memory_bytes: int | None = None
    # What no program holds at the moment; None when nobody said.
    available_bytes: int | None = None


class FitModel(NamedTuple):
    """`sizes` are bytes of published or installed files by quantization, in the spelling of `read_quantization`."""

    name: str
    shape: Geometry = UNKNOWN
    sizes: Mapping[str, int] = {}
    has_vision: bool | None = None

    @property
    def model_class(self) -> str:
        kind = "hybrid" if self.shape.linear_layers else "dense"
        return f"{kind}_moe" if self.shape.experts else kind


def machine_of(hardware: Hardware, state: MachineState | None = None) -> FitMachine:
    return FitMachine(
        chip=find_chip(hardware.chip, gpu_cores=hardware.gpu_cores) if hardware.platform == "darwin" else None,
        limit=gpu_limit(hardware),
        memory_bytes=hardware.memory_bytes,
        available_bytes=state.memory_available_bytes if state else None,
    )


def is_mlx_engine(runtime: RuntimeKind, quantization: Quantization | None) -> bool:
    """Whether MLX does the arithmetic: its own servers, and LM Studio or Ollama with a file in its format."""
    return runtime in _MLX_RUNTIMES or (quantization is not None and quantization.is_mlx)


def two_digits(value: float) -> float:
    """Rounded to two significant digits: closer figures than that are noise."""
    return float(f"{value:.2g}")


class Case(NamedTuple):
    """One model in one form on one machine, before a context is named."""

    machine: FitMachine
    model: FitModel
    weights: int | None
    load: Load | None
    key: RunKey
    kv_bytes: float
    prefix_cache_bytes: int
    is_mlx: bool
    is_cache_known: bool
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        machine: FitMachine,
        model: FitModel,
        quantization: str | None,
        runtime: RuntimeKind,
        *,
        kv_quantization: str,
        runtime_version: str | None = None,
    ) -> "Case":
        form = read_quantization(quantization)
        is_mlx = is_mlx_engine(runtime, form)
        size = model.sizes.get(form.name if form else (quantization or ""))
        is_text_only = bool(model.has_vision) and is_mlx and runtime is RuntimeKind.MLX_LM
        weights = weights_bytes(model.shape, form, file_bytes=size, is_text_only=is_text_only)
        load = None
        if form is not None:
            load = load_of(
                model.shape,
                form,
                runtime=runtime,
                weights_bytes=weights,
                is_mlx=is_mlx,
                runtime_version=runtime_version,
            )
        known = is_cache_known(model.shape)
        notes = [] if machine.chip else ["chip_unknown"]
        if not known or load is None:
            notes.append("geometry_unknown")
        if form is None:
            notes.append("quantization_unknown")
        if machine.limit is None:
            notes.append("limit_unknown")
        return cls(
            machine=machine,
            model=model,
            weights=weights,
            load=load,
            key=(model.name, form.name if form else (quantization or ""), is_mlx),
            kv_bytes=KV_BYTES.get(kv_quantization, KV_BYTES["f16"]),
            prefix_cache_bytes=MEMORY.ollama_mlx_prefix_bytes if is_mlx and runtime is RuntimeKind.OLLAMA else 0,
            is_mlx=is_mlx,
            is_cache_known=known,
            notes=tuple(notes),
        )

    def memory(self, tokens: int, agents: int) -> Memory | None:
        if self.weights is None:
            return None
        needed = needed_memory(
            self.model.shape, self.weights, tokens, kv_bytes=self.kv_bytes, parallel=agents, is_mlx=self.is_mlx
        )
        return needed._replace(prefix_cache_bytes=self.prefix_cache_bytes) if self.prefix_cache_bytes else needed

    def formula(self, tokens: int, agents: int = 1) -> tuple[float, float] | None:
        """Tokens per second of each conversation while writing, and while reading a prompt of that length."""
        chip, load = self.machine.chip, self.load
        if chip is None or load is None:
            return None
        cache = sum(kv_terms(self.model.shape, tokens, kv_bytes=self.kv_bytes))
        writing = token_seconds(load, chip, context_tokens=tokens, kv_read_bytes=cache, parallel=agents)
        prompt = max(tokens, _SHORTEST_PROMPT)
        return 1 / writing, prompt / prefill_seconds(load, chip, prompt_tokens=prompt)

    def speed(self, tokens: int, agents: int, learned: Learned) -> tuple[Range | None, Range | None, str]:
        rates = self.formula(tokens, agents)
        run = learned.nearest(self.key, tokens)
        if run is not None and (rates is None or run.factors is None):
            # Nothing to hold it against: the run speaks for its own depth, and is all that is known.
            return _around(run.decode_tokens_per_s, DECODE_SPREAD["measured"]), _of(run.prompt_tokens_per_s), "measured"
        if rates is None:
            return None, None, "formula"
        basis, decode_factor, prefill_factor = "formula", 1.0, None
        if run is not None and run.factors is not None:
            basis, (decode_factor, prefill_factor) = "measured", run.factors
        elif found := learned.find_factors(self.key, self.model.model_class):
            (decode_factor, prefill_factor), basis = found
        prefill_basis = "formula" if prefill_factor is None else basis
        is_ollama = basis == "formula" and self.load is not None and self.load.is_ollama
        return (
            _around(rates[0] * decode_factor, OLLAMA_DECODE_SPREAD if is_ollama else DECODE_SPREAD[basis]),
            _around(rates[1] * (prefill_factor or 1.0), PREFILL_SPREAD[prefill_basis]),
            basis,
        )


def _of(prompt_tokens_per_s: float | None) -> Range | None:
    return None if prompt_tokens_per_s is None else _around(prompt_tokens_per_s, PREFILL_SPREAD["measured"])


def _around(rate: float, spread: Spread) -> Range:
    return two_digits(rate * spread.low), two_digits(rate * spread.high)
