"""What is known of one machine: its report, its benchmarks, and both together as the engine uses them.

A report is a claim of the machine. It can change which model is chosen and how fast it is expected to be,
never whether work may leave the machine. Every absent fact is None.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlsplit

from .errors import Problem, WireError
from .fit.geometry import Geometry, read_geometry
from .named_tuple import NamedTuple
from .reading.messages import Origin, PollOffer, read_origin, read_poll_offer
from .reading.model_checks import ModelChecks, read_checks
from .reading.shapes import ObjectReader, is_visible, read_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

# How far the policy can be relied on: `stale` was not confirmed for a while, `expired` opens nothing.
type PolicyState = Literal["fresh", "stale", "expired"]

REPORT_SCHEMA = 1
MAX_RUNTIMES = 16
MAX_MODELS_PER_RUNTIME = 500
MAX_BENCHMARKS = 50
MIN_TOKENS_PER_S, MAX_TOKENS_PER_S = 0.001, 1e9
_MAX_BYTES = 2**50


class RuntimeKind(StrEnum):
    OLLAMA = "ollama"
    LM_STUDIO = "lm_studio"
    LLAMA_CPP = "llama_cpp"
    MLX_LM = "mlx_lm"
    OMLX = "omlx"
    OPENAI_COMPATIBLE = "openai_compatible"


class RuntimeState(StrEnum):
    UP = "up"
    LOADING = "loading"
    BROKEN = "broken"
    DOWN = "down"


class MemoryPressure(StrEnum):
    """Declared lowest first; overrides compare by this order."""

    NORMAL = "normal"
    WARNING = "warning"
    CRITICAL = "critical"


BROKEN_REASONS = ("garbage", "timeout", "too_large", "http_error", "refused", "redirected")


class Hardware(NamedTuple):
    platform: str
    os_version: str | None = None
    model: str | None = None
    chip: str | None = None
    cpu_cores: int | None = None
    performance_cores: int | None = None
    gpu_cores: int | None = None
    memory_bytes: int | None = None
    # The GPU's working-set limit as the system reports it; None means that only the default is known.
    gpu_limit_bytes: int | None = None


class MachineState(NamedTuple):
    memory_available_bytes: int | None = None
    memory_pressure: MemoryPressure | None = None
    swap_used_bytes: int | None = None
    is_on_battery: bool | None = None
    is_low_power: bool | None = None
    # What is left of the cloud's allowance, from 0 to 1.
    cloud_quota_left: float | None = None
    is_cloud_available: bool | None = None


class ModelFacts(NamedTuple):
    name: str
    quantization: str | None = None
    format: str | None = None
    size_bytes: int | None = None
    parameters: int | None = None
    is_loaded: bool = False
    # What a request may use now; the model's own window is `max_context_tokens`.
    effective_context_tokens: int | None = None
    max_context_tokens: int | None = None
    memory_bytes: int | None = None
    # None: not known, which counts as remote.
    is_remote: bool | None = None
    has_tools: bool | None = None
    has_vision: bool | None = None
    # What the runtime or the model's file says of its shape; the catalogue knows the common ones.
    geometry: Geometry | None = None
    checks: ModelChecks | None = None


class RuntimeFacts(NamedTuple):
    kind: RuntimeKind
    base_url: str
    state: RuntimeState
    version: str | None = None
    reason: str | None = None
    # Whether it answers Anthropic's Messages API, which Claude Code needs.
    has_messages_api: bool | None = None
    models: tuple[ModelFacts, ...] = ()


class Absence(NamedTuple):
    """A fact that could not be read, and why."""

    field: str
    code: str


class Report(NamedTuple):
    agent_version: str
    collected_at: datetime
    hardware: Hardware
    state: MachineState
    runtimes: tuple[RuntimeFacts, ...]
    absences: tuple[Absence, ...]
    origin: Origin | None = None
    poll: PollOffer | None = None


class Benchmark(NamedTuple):
    """One measured run: medians over `runs`, with `depth_tokens` of prompt before the first generated token."""

    runtime: RuntimeKind
    runtime_version: str | None
    model: str
    quantization: str | None
    depth_tokens: int
    prompt_tokens_per_s: float
    decode_tokens_per_s: float
    first_token_s: float | None
    runs: int
    method: str
    measured_at: datetime
    # Deviation around the median as a share of it, and what else the machine was under: agents before 0.2 tell neither.
    prompt_spread: float | None = None
    decode_spread: float | None = None
    memory_pressure: MemoryPressure | None = None
    is_on_battery: bool | None = None
    is_low_power: bool | None = None


class MachineFacts(NamedTuple):
    """Everything the engine may know of the asking machine. `machine` is its public id, None when unknown."""

    machine: str | None
    hardware: Hardware
    state: MachineState
    runtimes: tuple[RuntimeFacts, ...]
    benchmarks: tuple[Benchmark, ...] = ()


class Situation(NamedTuple):
    """What the asking process knows beside request, bundle and facts. `now` is aware."""

    now: datetime
    policy_state: PolicyState = "fresh"
    facts_age_s: int | None = None
    # The portal's word for how the machine is doing, and the groups of the person who asks; None: unknown.
    machine_state: str | None = None
    groups: tuple[str, ...] | None = None


def facts_of(report: Report, benchmarks: Sequence[Benchmark], *, machine: str | None) -> MachineFacts:
    return MachineFacts(
        machine=machine,
        hardware=report.hardware,
        state=report.state,
        runtimes=report.runtimes,
        benchmarks=tuple(benchmarks),
    )


def report_from_document(document: object) -> Report:
    """The report that the agent sent. Raises WireError for the first thing outside the allowed shape."""
    report, problems = read_whole(document, _read_report)
    raise_first(problems)
    return report


def benchmarks_from_document(document: object) -> tuple[Benchmark, ...]:
    """`{"benchmarks": [...]}`. Raises WireError."""
    benchmarks, problems = read_whole(document, _read_benchmarks)
    raise_first(problems)
    return benchmarks


def raise_first(problems: Sequence[Problem]) -> None:
    if problems:
        first = problems[0]
        raise WireError(code=first.code, detail=first.detail, field=first.path)


def benchmark_document(benchmark: Benchmark) -> dict[str, object]:
    return {
        "runtime": str(benchmark.runtime),
        "runtime_version": benchmark.runtime_version,
        "model": benchmark.model,
        "quantization": benchmark.quantization,
        "depth_tokens": benchmark.depth_tokens,
        "prompt_tokens_per_s": benchmark.prompt_tokens_per_s,
        "decode_tokens_per_s": benchmark.decode_tokens_per_s,
        "first_token_s": benchmark.first_token_s,
        "runs": benchmark.runs,
        "method": benchmark.method,
        "measured_at": time_text(benchmark.measured_at),
        "prompt_spread": benchmark.prompt_spread,
        "decode_spread": benchmark.decode_spread,
        "memory_pressure": benchmark.memory_pressure,
        "on_battery": benchmark.is_on_battery,
        "low_power": benchmark.is_low_power,
    }


def time_text(time: datetime) -> str:
    """`2026-11-25T09:30:00Z`."""
    return time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _read_report(reader: ObjectReader) -> Report:
    schema = reader.integer("schema", low=1)
    if schema != REPORT_SCHEMA:
        reader.wrong("schema", found=schema, allowed=str(REPORT_SCHEMA), code="report.schema_unknown")
    return Report(
        agent_version=reader.visible_text("agent_version", max_length=40),
        collected_at=reader.time("collected_at"),
        hardware=read_hardware(reader.reader("hardware")),
        state=read_state(reader.reader("state", {})),
        runtimes=tuple(_read_runtime(one) for one in reader.readers("runtimes", [], high=MAX_RUNTIMES)),
        absences=tuple(_read_absence(one) for one in reader.readers("absences", [], high=100)),
        origin=read_origin(reader),
        poll=read_poll_offer(reader),
    )


def read_hardware(reader: ObjectReader) -> Hardware:
    hardware = Hardware(
        platform=reader.choice("platform", ("darwin", "linux")),
        os_version=reader.optional_visible_text("os_version", max_length=80),
        model=reader.optional_visible_text("model", max_length=80),
        chip=reader.optional_visible_text("chip", max_length=120),
        cpu_cores=reader.optional_integer("cpu_cores", low=1, high=4096),
        performance_cores=reader.optional_integer("performance_cores", high=4096),
        gpu_cores=reader.optional_integer("gpu_cores", high=4096),
        memory_bytes=reader.optional_integer("memory_bytes", low=1, high=_MAX_BYTES),
        gpu_limit_bytes=reader.optional_integer("gpu_limit_bytes", low=1, high=_MAX_BYTES),
    )
    reader.close()
    return hardware


def read_state(reader: ObjectReader) -> MachineState:
    pressure = reader.optional_choice("memory_pressure", tuple(MemoryPressure))
    state = MachineState(
        memory_available_bytes=reader.optional_integer("memory_available_bytes", high=_MAX_BYTES),
        memory_pressure=MemoryPressure(pressure) if pressure else None,
        swap_used_bytes=reader.optional_integer("swap_used_bytes", high=_MAX_BYTES),
        is_on_battery=reader.optional_boolean("on_battery"),
        is_low_power=reader.optional_boolean("low_power"),
        cloud_quota_left=reader.optional_number("cloud_quota_left", high=1),
        is_cloud_available=reader.optional_boolean("cloud_available"),
    )
    reader.close()
    return state


def _read_runtime(reader: ObjectReader) -> RuntimeFacts:
    runtime = RuntimeFacts(
        kind=RuntimeKind(reader.choice("kind", tuple(RuntimeKind))),
        base_url=reader.text("base_url"),
        state=RuntimeState(reader.choice("state", tuple(RuntimeState))),
        version=reader.optional_visible_text("version", max_length=120),
        reason=reader.optional_choice("reason", BROKEN_REASONS),
        has_messages_api=reader.optional_boolean("messages_api"),
        models=tuple(_read_model(one) for one in reader.readers("models", [], high=MAX_MODELS_PER_RUNTIME)),
    )
    if not (is_visible(runtime.base_url) and _is_web_address(runtime.base_url)):
        # Not quoted: people put passwords into addresses.
        path, allowed = reader.at("base_url"), "an http or https address without user and password"
        reader.problems.add(path, "field.invalid", found="something else", allowed=allowed)
    reader.close()
    return runtime


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        )
    except ValueError:  # a port that is none
        return False


def _read_model(reader: ObjectReader) -> ModelFacts:
    model = ModelFacts(
        name=reader.visible_text("name"),
        quantization=reader.optional_visible_text("quantization", max_length=40),
        format=reader.optional_visible_text("format", max_length=20),
        size_bytes=reader.optional_integer("size_bytes", high=_MAX_BYTES),
        parameters=reader.optional_integer("parameters"),
        is_loaded=reader.boolean("loaded", default=False),
        effective_context_tokens=reader.optional_integer("effective_context_tokens", high=2**31),
        max_context_tokens=reader.optional_integer("max_context_tokens", high=2**31),
        memory_bytes=reader.optional_integer("memory_bytes", high=_MAX_BYTES),
        is_remote=reader.optional_boolean("remote"),
        has_tools=reader.optional_boolean("tools"),
        has_vision=reader.optional_boolean("vision"),
        geometry=None if reader.take("geometry", None) is None else read_geometry(reader.reader("geometry")),
        checks=None if reader.take("checks", None) is None else read_checks(reader.reader("checks")),
    )
    reader.close()
    return model


def _read_absence(reader: ObjectReader) -> Absence:
    absence = Absence(
        field=reader.visible_text("field", max_length=80),
        code=reader.visible_text("code", max_length=80),
    )
    reader.close()
    return absence


def _read_benchmarks(reader: ObjectReader) -> tuple[Benchmark, ...]:
    return tuple(_read_benchmark(one) for one in reader.readers("benchmarks", low=1, high=MAX_BENCHMARKS))


def _read_benchmark(reader: ObjectReader) -> Benchmark:
    pressure = reader.optional_choice("memory_pressure", tuple(MemoryPressure))
    benchmark = Benchmark(
        runtime=RuntimeKind(reader.choice("runtime", tuple(RuntimeKind))),
        runtime_version=reader.optional_visible_text("runtime_version", max_length=120),
        model=reader.visible_text("model"),
        quantization=reader.optional_visible_text("quantization", max_length=40),
        depth_tokens=reader.integer("depth_tokens", high=10_000_000),
        prompt_tokens_per_s=reader.number("prompt_tokens_per_s", low=MIN_TOKENS_PER_S, high=MAX_TOKENS_PER_S),
        decode_tokens_per_s=reader.number("decode_tokens_per_s", low=MIN_TOKENS_PER_S, high=MAX_TOKENS_PER_S),
        first_token_s=reader.optional_number("first_token_s", high=1e6),
        runs=reader.integer("runs", low=1, high=1000),
        method=reader.visible_text("method", max_length=60),
        measured_at=reader.time("measured_at"),
        prompt_spread=reader.optional_number("prompt_spread", high=100),
        decode_spread=reader.optional_number("decode_spread", high=100),
        memory_pressure=MemoryPressure(pressure) if pressure else None,
        is_on_battery=reader.optional_boolean("on_battery"),
        is_low_power=reader.optional_boolean("low_power"),
    )
    reader.close()
    return benchmark
