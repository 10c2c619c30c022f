"""One model across the fleet: which Macs run it with which context, and what was measured there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from machines.catalogue.entries import Entry
from machines.catalogue.queries import current_catalogue
from machines.fit.lines import Line, best_forms, lines_of
from machines.models import Benchmark, Machine
from machines.queries import find_facts, list_visible_machines
from portal.accounts.models import User
from routing.engine.facts import MachineFacts
from routing.engine.fit.basis import Learned
from routing.engine.fit.candidate import learn_from
from routing.engine.fit.case import FitMachine, machine_of
from routing.engine.fit.catalogue import Catalogue, catalogue_text
from routing.engine.fit.table import FitRow, Question, list_fit
from routing.engine.policy.values import ModelRules

# A page is no export: the rest of a large fleet is told by number.
MACHINES_SHOWN = 50
RUNS_SHOWN = 60


@dataclass(frozen=True)
class Covered:
    """The best form of the model on one machine; an installed one before others."""

    machine: Machine
    facts: MachineFacts
    fit_machine: FitMachine
    learned: Learned
    line: Line


@dataclass(frozen=True)
class Coverage:
    covered: Sequence[Covered]
    runs: Sequence[Benchmark]
    left_out: int


def coverage_of(entry: Entry, person: User, question: Question, *, rules: ModelRules) -> Coverage:
    """Of the machines that the person may see. Four queries, however many there are."""
    visible = list_visible_machines(person).exclude(state="retired").filter(report__isnull=False)
    machines = list(visible.prefetch_related("benchmarks")[:MACHINES_SHOWN])
    catalogue, alone = current_catalogue(), Catalogue(catalogue_text([entry.model]))
    found = (_cover(machine, entry, question, catalogue, alone=alone, rules=rules) for machine in machines)
    covered = [one for one in found if one is not None]
    runs = sorted(_runs_of(machines, entry, alone), key=lambda run: run.measured_at, reverse=True)
    left_out = visible.count() - len(machines) if len(machines) == MACHINES_SHOWN else 0
    return Coverage(covered, runs[:RUNS_SHOWN], left_out)


def rows_at(one: Covered, entry: Entry, question: Question) -> FitRow | None:
    """The same form on the same machine for another question."""
    rows = list_fit(
        one.fit_machine,
        Catalogue(catalogue_text([entry.model])),
        question,
        learned=one.learned,
        facts=one.facts,
    )
    form = (one.line.row.quantization, one.line.row.runtime)
    return next((row for row in rows if row.name == entry.name and (row.quantization, row.runtime) == form), None)


def _cover(
    machine: Machine, entry: Entry, question: Question, catalogue: Catalogue, *, alone: Catalogue, rules: ModelRules
) -> Covered | None:
    known = find_facts(machine).facts
    if known is None:
        return None
    fit_machine = machine_of(known.hardware, known.state)
    installed = [model for runtime in known.runtimes for model in runtime.models]
    learned = learn_from(known.benchmarks, fit_machine, catalogue, installed=installed)
    rows = list_fit(fit_machine, alone, question, learned=learned, facts=known, rules=rules)
    own = [row for row in rows if row.name == entry.name]
    lines = sorted(lines_of(own, [entry]), key=lambda line: not line.row.is_installed)
    return Covered(machine, known, fit_machine, learned, best_forms(lines)[0]) if lines else None


def _runs_of(machines: Sequence[Machine], entry: Entry, alone: Catalogue) -> Iterator[Benchmark]:
    for machine in machines:
        for run in machine.benchmarks.all():
            found = alone.find(run.model)
            if found is not None and found.name == entry.name:
                # The page names it; the row that was fetched is at hand.
                run.machine = machine
                yield run
