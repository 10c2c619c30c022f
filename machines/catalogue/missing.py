"""Who misses what: the models that the policy recommends, and the Macs that would run them and have none of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from machines.catalogue.entries import Entry
from machines.catalogue.fleet import hardware_of
from machines.fit.recommended import is_wanted
from machines.models import InstalledModel, Machine
from machines.queries import list_visible_machines
from portal.accounts.models import User
from routing.engine.facts import RuntimeKind
from routing.engine.fit.case import FitMachine, machine_of
from routing.engine.fit.catalogue import Catalogue, catalogue_text
from routing.engine.fit.estimate import Verdict
from routing.engine.fit.memory import GpuLimit
from routing.engine.fit.table import FitRow, Question, list_fit
from routing.engine.policy.values import ModelRules

# As much context as agents need at least; a page is no export.
CONTEXT_TOKENS = 32_768
NAMES_SHOWN = 12


@dataclass(frozen=True)
class Wanted:
    """One recommended model: on which of the person's Macs it is, which miss it, and how many are no Macs for it."""

    entry: Entry
    installed: int
    missing: Sequence[Machine]
    too_small: int

    @property
    def shown(self) -> Sequence[Machine]:
        return self.missing[:NAMES_SHOWN]

    @property
    def left_out(self) -> int:
        return max(0, len(self.missing) - NAMES_SHOWN)


def list_wanted(entries: Iterable[Entry], person: User, rules: ModelRules) -> list[Wanted]:
    """By title as `entries` are, those without a Mac that they are meant for too. Two queries; none without rules."""
    patterns = [*rules.recommended, *(name for one in rules.recommended_by_memory for name in one.models)]
    named = [entry for entry in entries if is_wanted(entry, [pattern.lower() for pattern in patterns])]
    if not named:
        return []
    fleet = _Fleet(person)
    return [_judge(entry, fleet, rules) for entry in named]


def _judge(entry: Entry, fleet: "_Fleet", rules: ModelRules) -> Wanted:
    alone = Catalogue(catalogue_text([entry.model]))
    installed, missing, too_small = 0, [], 0
    fits: dict[GpuLimit | None, bool] = {}
    for machine in fleet.machines:
        fit_machine = machine_of(hardware_of(machine))
        if any(alone.find(name) is not None for name in fleet.installed[machine.pk]):
            installed += 1
        elif is_wanted(entry, [one.lower() for one in rules.recommended_for(machine.memory_bytes)]):
            if fit_machine.limit not in fits:
                fits[fit_machine.limit] = _is_runnable(fit_machine, alone)
            if fits[fit_machine.limit]:
                missing.append(machine)
            else:
                too_small += 1
    return Wanted(entry, installed, missing, too_small)


def _is_runnable(machine: FitMachine, alone: Catalogue) -> bool:
    """In any form, by memory alone."""
    return any(row.estimate.verdict in (Verdict.FITS, Verdict.TIGHT) for row in _rows(machine, alone))


def _rows(machine: FitMachine, alone: Catalogue) -> Iterator[FitRow]:
    for runtime in (RuntimeKind.LLAMA_CPP, RuntimeKind.OLLAMA):
        yield from list_fit(machine, alone, Question(CONTEXT_TOKENS, gguf_runtime=runtime))


class _Fleet:
    """The Macs that a person may see, and the names of what is installed on them."""

    def __init__(self, person: User) -> None:
        self.person = person

    @cached_property
    def machines(self) -> list[Machine]:
        visible = list_visible_machines(self.person).exclude(state="retired").filter(reported_at__isnull=False)
        return list(visible.defer("report"))

    @cached_property
    def installed(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        rows = InstalledModel.objects.filter(runtime__machine__in=[one.pk for one in self.machines], remote=False)
        for machine, name in rows.values_list("runtime__machine", "name"):
            found[machine].append(name)
        return found
