"""What the fit estimate and the catalogue say of one installed model, for one task on one machine.

Answers are kept: the same Mac asks about the same models again and again, and a formula costs tens of microseconds.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

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
from ..policy.values import Tier
from .basis import Learned, Run, learn
from .case import Case, FitMachine, machine_of
from .catalogue import Catalogue, CatalogueModel, catalogue_of, quantization_of
from .estimate import Estimate, estimate_of, largest_context_of, measured_run


class CandidateFit:
    """One model on one machine before a context is asked for; compared as this object, so that estimates can be kept.

    `window_tokens` is the model's own window; None: not known.
    """

    __slots__ = ("_case", "_learned", "has_tools", "may_produce", "tier", "window_tokens")

    def __init__(self, case: Case, learned: Learned, known: CatalogueModel | None) -> None:
        self._case = case
        self._learned = learned
        self.window_tokens = case.model.shape.context_tokens
        self.tier = known.tier if known else Tier.BASIC
        self.has_tools = known.has_tools if known else None
        self.may_produce = known.may_produce if known else None

    def most_tokens(self, tokens: int, *, agents: int) -> int | None:
        """The largest context that memory allows. It leaves a gigabyte free, unless `tokens` need that too."""
        most = largest_context_of(self._case, parallel=agents)
        if most is not None and most < tokens:
            most = largest_context_of(self._case, parallel=agents, spare_bytes=0)
        return most

    def estimate(self, tokens: int, *, agents: int) -> Estimate:
        """For a context of `tokens` in each of `agents` conversations."""
        return _estimate_once(self, tokens, agents)

    def _estimate(self, tokens: int, agents: int) -> Estimate:
        return estimate_of(self._case, tokens, parallel=agents, learned=self._learned)


_estimate_once = lru_cache(maxsize=1024)(CandidateFit._estimate)


def fit_candidate(facts: MachineFacts, runtime: RuntimeFacts, model: ModelFacts, catalogue_text: str) -> CandidateFit:
    # Loading and checks come and go without changing what is estimated.
    still = model._replace(is_loaded=False, memory_bytes=None, checks=None)
    return _fit(catalogue_text, facts.hardware, facts.benchmarks, (runtime.kind, runtime.version), still)


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


@lru_cache(maxsize=256)
def _fit(
    catalogue_text: str, hardware: Hardware, benchmarks: tuple[Benchmark, ...], engine: Engine, model: ModelFacts
) -> CandidateFit:
    catalogue, (kind, version) = catalogue_of(catalogue_text), engine
    machine, fitted = machine_of(hardware), catalogue.fit_model(model)
    case = Case.of(
        machine,
        fitted,
        quantization_of(model),
        kind,
        kv_quantization="f16",
        runtime_version=version,
    )
    learned = learn_from(benchmarks, machine, catalogue, installed=(model,))
    return CandidateFit(case, learned, catalogue.find(model.name))
