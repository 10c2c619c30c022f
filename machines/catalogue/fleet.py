"""What the team's benchmarks say: of one model on one chip, and which runs are set aside and why."""

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import Prefetch, Q

from machines.catalogue.choices import SetAside
from machines.health.choices import MachineState
from machines.models import Benchmark, Machine
from machines.queries import benchmark_facts
from routing.engine.facts import Benchmark as BenchmarkFacts
from routing.engine.facts import Hardware, MemoryPressure
from routing.engine.fit.basis import Factors, Run, RunKey, half_of, is_plausible, middle_of
from routing.engine.fit.candidate import run_of
from routing.engine.fit.case import machine_of
from routing.engine.fit.catalogue import Catalogue, FleetFactor
from routing.engine.fit.chips import Chip

# Of each machine the newest count: older ones were other versions of its runtimes.
RUNS_OF_A_MACHINE = 50
# From here on the median is that of the honest ones, even if one of them is not.
ENOUGH_PEOPLE = 3
MOST_PREFILL_FACTOR = 1.5


def judge_run(machine: Machine, run: BenchmarkFacts, catalogue: Catalogue) -> str:
    """The reason to set the run aside, empty when it counts."""
    # Older agents do not tell how the Mac was doing: then what it last said of itself counts.
    situation = machine.situation or {}
    pressure = situation.get("memory_pressure") if run.memory_pressure is None else run.memory_pressure
    if pressure in (MemoryPressure.WARNING, MemoryPressure.CRITICAL):
        return SetAside.PRESSURE
    if situation.get("low_power") if run.is_low_power is None else run.is_low_power:
        return SetAside.LOW_POWER
    fitted = run_of(run, machine_of(hardware_of(machine)), catalogue)
    return "" if is_plausible(fitted, for_others=True) else SetAside.IMPLAUSIBLE


def list_factors(catalogue: Catalogue) -> list[FleetFactor]:
    """By model, form and chip: what each person's Macs measured, in the middle, as a multiple of the formula.

    Of each machine its newest run counts. Anybody may enrol Macs that do not exist, so a person has one voice however
    many they have, and Macs without an owner have one together. A few voices count for half.
    """
    newest: dict[tuple[Chip, RunKey], dict[int, tuple[int | None, Factors]]] = defaultdict(dict)
    for machine, chip, run in _runs(catalogue):
        if run.factors is not None:
            newest[chip, run.key].setdefault(machine.pk, (machine.owner_id, _for_others(run.factors)))
    return [_factor(chip, key, list(found.values())) for (chip, key), found in sorted(newest.items(), key=str)]


def _factor(chip: Chip, key: RunKey, found: list[tuple[int | None, Factors]]) -> FleetFactor:
    """Two digits: the text that bundles carry changes only when something did."""
    by_person: dict[int | None, list[Factors]] = defaultdict(list)
    for owner, factors in found:
        by_person[owner].append(factors)
    middle = middle_of([middle_of(own) for own in by_person.values()])
    if len(by_person) < ENOUGH_PEOPLE:
        middle = half_of(middle)
    prefill = None if middle.prefill is None else round(middle.prefill, 2)
    return FleetFactor(chip.name, chip.gpu_cores, *key, round(middle.decode, 2), prefill)


def _for_others(factors: Factors) -> Factors:
    """A prompt read far faster than any chip can was in a cache."""
    is_cached = factors.prefill is not None and factors.prefill > MOST_PREFILL_FACTOR
    return factors._replace(prefill=None) if is_cached else factors


def hardware_of(machine: Machine) -> Hardware:
    return Hardware(
        platform=machine.platform or "darwin",
        chip=machine.chip,
        gpu_cores=machine.gpu_cores,
        memory_bytes=machine.memory_bytes,
        gpu_limit_bytes=machine.gpu_limit_bytes,
    )


def _runs(catalogue: Catalogue) -> Iterator[tuple[Machine, Chip, Run]]:
    """Newest first for each machine. Two queries."""
    machines = Machine.objects.exclude(state=MachineState.RETIRED).exclude(chip=None)
    # In quarantine: two Macs with one token, or one that somebody mistrusts.
    machines = machines.filter(Q(health=None) | Q(health__quarantine=""))
    for machine in machines.prefetch_related(Prefetch("benchmarks", Benchmark.objects.filter(set_aside=""))):
        fit_machine = machine_of(hardware_of(machine))
        if fit_machine.chip is None:
            continue
        for row in list(machine.benchmarks.all())[:RUNS_OF_A_MACHINE]:
            # Shapes come from the catalogue alone: what one Mac says of a model is no figure for the others.
            run = run_of(benchmark_facts(row), fit_machine, catalogue)
            if run.factors is not None and is_plausible(run, for_others=True):
                yield machine, fit_machine.chip, run
