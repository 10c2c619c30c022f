"""What the fit estimate and the catalogue say of one installed model, for one task on one machine.

Answers are kept: the same Mac asks about the same models again and again, and a formula costs tens of microseconds.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from ..answer import Expected
from ..facts import (
    MAX_TOKENS_PER_S,
    MIN_TOKENS_PER_S,
    Benchmark,
    Hardware,
    MachineFacts,
    ModelFacts,
    RuntimeFacts,
    RuntimeKind,
)
from ..named_tuple import NamedTuple
from ..policy.values import Tier
from .basis import Learned, Run, learn
from .case import Case, FitMachine, machine_of
from .catalogue import Catalogue, CatalogueModel, catalogue_of, quantization_of
from .estimate import Estimate, Verdict, estimate_of, largest_context_of, measured_run


class CandidateFit(NamedTuple):
    """`most_tokens` is the largest context that memory allows, `window_tokens` the model's own; None: not known.

    It leaves a gigabyte free, unless the asked context needs that too.
    """

    estimate: Estimate
    most_tokens: int | None
    window_tokens: int | None
    tier: Tier
    has_tools: bool | None
    may_produce: bool | None

    def expected(self, *, is_loaded: bool) -> Expected:
        found = self.estimate
        return Expected(
            first_token_s=found.first_token_s,
            decode_tokens_per_s=found.decode_tokens_per_s,
            load_s=(0.0, 0.0) if is_loaded else found.load_s,
            basis=found.basis,
        )

    @property
    def is_too_large(self) -> bool:
        return self.estimate.verdict is Verdict.TOO_LARGE


def fit_candidate(
    facts: MachineFacts, runtime: RuntimeFacts, model: ModelFacts, catalogue_text: str, *, tokens: int, agents: int
) -> CandidateFit:
    """For a context of `tokens` in each of `agents` conversations."""
    # Loading and checks come and go without changing what is estimated.
    still = model._replace(is_loaded=False, memory_bytes=None, checks=None)
    engine, size = (runtime.kind, runtime.version), (tokens, agents)
    return _fit(catalogue_text, facts.hardware, facts.benchmarks, engine, still, size)


def learn_from(
    benchmarks: Iterable[Benchmark], machine: FitMachine, catalogue: Catalogue, *, installed: Iterable[ModelFacts] = ()
) -> Learned:
    """What the machine's own runs and the team's other Macs say about its estimates.

    `installed` tell the shape of models that the catalogue does not know.
    """
    shapes = {(model.name, model.quantization): model for model in installed}
    newest_first = sorted(benchmarks, key=lambda run: run.measured_at, reverse=True)
    own = [run_of(run, machine, catalogue, shapes) for run in newest_first if _is_speed(run)]
    return learn(own, catalogue.fleet_of(machine.chip) if machine.chip else {})


def run_of(
    benchmark: Benchmark,
    machine: FitMachine,
    catalogue: Catalogue,
    shapes: Mapping[tuple[str, str | None], ModelFacts] = MappingProxyType({}),
) -> Run:
    """`shapes` of installed models by name and quantization, for those that the catalogue does not know."""
    bare = ModelFacts(benchmark.model, quantization=benchmark.quantization)
    facts = shapes.get((benchmark.model, benchmark.quantization), bare)
    return measured_run(
        machine,
        catalogue.fit_model(facts),
        quantization=quantization_of(facts),
        runtime=benchmark.runtime,
        depth_tokens=benchmark.depth_tokens,
        decode_tokens_per_s=benchmark.decode_tokens_per_s,
        prompt_tokens_per_s=benchmark.prompt_tokens_per_s,
        runtime_version=benchmark.runtime_version,
    )


def _is_speed(run: Benchmark) -> bool:
    """Figures that a report may hold; nothing else is taken as measured."""
    rates = (run.decode_tokens_per_s, run.prompt_tokens_per_s)
    return all(MIN_TOKENS_PER_S <= rate <= MAX_TOKENS_PER_S for rate in rates)


# A runtime's kind and version: all of it that an estimate depends on.
type Engine = tuple[RuntimeKind, str | None]


class _Known(NamedTuple):
    """What is known of a model on a machine before a context is asked for."""

    case: Case
    learned: Learned
    model: CatalogueModel | None


@lru_cache(maxsize=1024)
def _fit(
    catalogue_text: str,
    hardware: Hardware,
    benchmarks: tuple[Benchmark, ...],
    engine: Engine,
    model: ModelFacts,
    size: tuple[int, int],
) -> CandidateFit:
    case, learned, known = _know(catalogue_text, hardware, benchmarks, engine, model)
    tokens, agents = size
    most = largest_context_of(case, parallel=agents)
    if most is not None and most < tokens:
        most = largest_context_of(case, parallel=agents, spare_bytes=0)
    return CandidateFit(
        estimate=estimate_of(case, tokens, parallel=agents, learned=learned),
        most_tokens=most,
        window_tokens=case.model.shape.context_tokens,
        tier=known.tier if known else Tier.BASIC,
        has_tools=known.has_tools if known else None,
        may_produce=known.may_produce if known else None,
    )


@lru_cache(maxsize=256)
def _know(
    catalogue_text: str, hardware: Hardware, benchmarks: tuple[Benchmark, ...], engine: Engine, model: ModelFacts
) -> _Known:
    catalogue, (kind, version) = catalogue_of(catalogue_text), engine
    machine, fitted = machine_of(hardware), catalogue.fit_model(model)
    return _Known(
        case=Case.of(
            machine,
            fitted,
            quantization_of(model),
            kind,
            kv_quantization="f16",
            runtime_version=version,
        ),
        learned=learn_from(benchmarks, machine, catalogue, installed=(model,)),
        model=catalogue.find(model.name),
    )
