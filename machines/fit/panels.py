"""The panel "What this Mac can run": the table, what is asked of it, warnings, recommended models that are missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from machines.catalogue.queries import list_entries
from machines.catalogue.rules import rules_of
from machines.catalogue.tables import FitTable, table_of_machine
from machines.fit.forms import GGUF_RUNTIMES, FitForm, read_form
from machines.fit.lines import Line, Section, lines_of, sections_of
from machines.fit.recommended import missing_recommended
from machines.fit.warnings import FitWarning, list_warnings
from machines.models import Machine
from portal.common.models import PolicyHead


@dataclass(frozen=True)
class Panel:
    form: FitForm
    table: FitTable
    sections: Sequence[Section]
    warnings: Sequence[FitWarning]
    recommended: Sequence[Line]


def find_panel(machine: Machine, data: Mapping[str, str], *, head: PolicyHead) -> Panel | None:
    """None before the first report. Three queries besides those of the machine: benchmarks, catalogue, its changes."""
    if machine.report is None:
        return None
    form = read_form(FitForm, data, runtime=_usual_runtime(machine))
    rules = rules_of(head)
    table = table_of_machine(machine, form.question, rules=rules)
    lines = lines_of(table.rows, list_entries())
    return Panel(
        form=form,
        table=table,
        sections=sections_of(lines, form),
        warnings=list_warnings(machine, table, lines),
        recommended=missing_recommended(lines, rules.recommended_for(machine.memory_bytes)),
    )


def _usual_runtime(machine: Machine) -> str | None:
    """The one that the Mac has; the first by name of several."""
    kinds = [runtime.kind for runtime in machine.runtimes.all() if runtime.kind in GGUF_RUNTIMES]
    return min(kinds, key=GGUF_RUNTIMES.index, default=None)
