"""What a Mac can run: a machine that reported, or one that somebody thinks of buying."""

from collections.abc import Sequence
from dataclasses import dataclass

from machines.catalogue.queries import current_catalogue
from machines.catalogue.sizes import memory_sizes_gb
from machines.models import Machine
from machines.queries import find_facts
from portal.common.problems import Problem
from routing.engine.facts import Hardware
from routing.engine.fit.basis import NOTHING_LEARNED, Learned
from routing.engine.fit.candidate import learn_from
from routing.engine.fit.case import FitMachine, machine_of
from routing.engine.fit.chips import Chip, core_counts, find_chip
from routing.engine.fit.memory import gpu_limit
from routing.engine.fit.table import NO_MODEL_RULES, FitRow, Question, list_fit
from routing.engine.policy.values import ModelRules

GB = 2**30
DEFAULT_CONTEXT_TOKENS = 32_768


@dataclass(frozen=True)
class FitTable:
    """`learned` is what runs say, for estimates of one's own with `routing.engine.fit.estimate`."""

    machine: FitMachine
    question: Question
    learned: Learned
    rows: Sequence[FitRow]


def table_of_machine(machine: Machine, question: Question, *, rules: ModelRules = NO_MODEL_RULES) -> FitTable:
    """By what the machine reported last. Raises Problem 409 before its first report. Two queries."""
    known = find_facts(machine).facts
    if known is None:
        raise Problem(409, "machine.no_report", "This machine has not reported yet. Run: kirikae report")
    catalogue = current_catalogue()
    fit_machine = machine_of(known.hardware, known.state)
    installed = [model for runtime in known.runtimes for model in runtime.models]
    learned = learn_from(known.benchmarks, fit_machine, catalogue, installed=installed)
    rows = list_fit(fit_machine, catalogue, question, learned=learned, facts=known, rules=rules)
    return FitTable(fit_machine, question, learned, rows)


def table_of_configuration(
    question: Question,
    *,
    chip: str,
    gpu_cores: int | None,
    memory_gb: int | None,
    bandwidth_gb_per_s: float | None = None,
    rules: ModelRules = NO_MODEL_RULES,
) -> FitTable:
    """Of a Mac that nobody has: the team's runs on the same chip count.

    Raises Problem 400 for a chip unknown, and without its memory where Macs of the chip differ in it.
    """
    bandwidth = None if bandwidth_gb_per_s is None else bandwidth_gb_per_s * 1e9
    found = find_chip(chip, gpu_cores=gpu_cores or _most_cores(chip), bandwidth_bytes_per_s=bandwidth)
    if found is None:
        raise Problem(
            400, "chip.unknown", "This chip is not known. Give gpu_cores and bandwidth_gb_per_s as well.", "chip"
        )
    if gpu_cores and found.gpu_cores < gpu_cores:
        known = " or ".join(map(str, core_counts(found.name)))
        detail = f"The {found.name} has {known} GPU cores. For another form give bandwidth_gb_per_s as well."
        raise Problem(400, "chip.unknown", detail, "gpu_cores")
    memory_bytes = (memory_gb or _only_memory_gb(found)) * GB
    limit = gpu_limit(Hardware(platform="darwin", memory_bytes=memory_bytes))
    fit_machine = FitMachine(found, limit, memory_bytes)
    catalogue = current_catalogue()
    learned = NOTHING_LEARNED._replace(fleet=catalogue.fleet_of(found))
    rows = list_fit(fit_machine, catalogue, question, learned=learned, rules=rules)
    return FitTable(fit_machine, question, learned, rows)


def _only_memory_gb(chip: Chip) -> int:
    """The table follows from the memory, so none of several sizes is guessed."""
    sizes = memory_sizes_gb(chip)
    if len(sizes) == 1:
        return sizes[0]
    known = ", ".join(map(str, sizes)) or "none"
    detail = f"Give memory_gb as well. Known for the {chip.name} with {chip.gpu_cores} GPU cores: {known}."
    raise Problem(400, "memory.missing", detail, "memory_gb")


def _most_cores(chip: str) -> int | None:
    """Without a number the larger form is meant: people name it when they bought the smaller one."""
    found = find_chip(chip, gpu_cores=None)
    return core_counts(found.name)[-1] if found and core_counts(found.name) else None
