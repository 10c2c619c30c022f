"""Macs that nobody has yet: what one could run, or two of them side by side, before one is bought."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from machines.catalogue.queries import list_entries
from machines.catalogue.rules import rules_of
from machines.catalogue.tables import FitTable, table_of_configuration
from machines.fit.forms import FitForm, read_form
from machines.fit.lines import Group, Line, Section, best_forms, lines_of, narrow, sections_of
from machines.fit.warnings import FitWarning, list_warnings_of_configuration
from portal.common.models import PolicyHead
from routing.engine.fit.chips import chip_names, core_counts

MEMORY_GB = (8, 16, 18, 24, 32, 36, 48, 64, 96, 128, 192, 256, 512)
_MACS = [(f"{chip}/{cores}", f"{chip} · {cores} GPU") for chip in chip_names() for cores in core_counts(chip)]
_MEMORY = [(size, f"{size} GB") for size in MEMORY_GB]


class WhatIfForm(FitForm):
    defaults: ClassVar[Mapping[str, str]] = {
        **FitForm.defaults,
        "mac": "M4 Pro/20",
        "memory": "64",
        "other_memory": "128",
    }

    mac = forms.ChoiceField(label=_("Chip and GPU cores"), choices=_MACS)
    memory = forms.TypedChoiceField(label=_("Memory"), coerce=int, choices=_MEMORY)
    other = forms.ChoiceField(label=_("Compare with"), required=False, choices=[("", _("No other Mac")), *_MACS])
    other_memory = forms.TypedChoiceField(label=_("Its memory"), coerce=int, choices=_MEMORY)


@dataclass(frozen=True)
class Side:
    """One Mac: `lines` are all, `shown` what the form asks for."""

    label: str
    table: FitTable
    lines: Sequence[Line]
    sections: Sequence[Section]

    @property
    def warnings(self) -> Sequence[FitWarning]:
        return list_warnings_of_configuration(self.table, self.lines)

    @property
    def best(self) -> Line | None:
        """The best rated model that is good for Claude Code there."""
        return next((line for line in self.lines if line.group is Group.GOOD), None)

    @property
    def models(self) -> int:
        return len(best_forms(self.lines))

    @property
    def fitting(self) -> int:
        return sum(line.fits for line in best_forms(self.lines))

    @property
    def good(self) -> int:
        return sum(line.group is Group.GOOD for line in best_forms(self.lines))


@dataclass(frozen=True)
class Pair:
    """One model on both Macs, each in the form that is best there."""

    title: str
    lines: tuple[Line, Line]


@dataclass(frozen=True)
class WhatIf:
    form: WhatIfForm
    sides: Sequence[Side]
    pairs: Sequence[Pair]

    @property
    def is_comparison(self) -> bool:
        return len(self.sides) > 1


def what_if(data: Mapping[str, str], *, head: PolicyHead) -> WhatIf:
    """Three queries: the catalogue, its changes."""
    form = read_form(WhatIfForm, data)
    asked = form.cleaned_data
    macs = [(asked["mac"], asked["memory"])]
    if asked["other"]:
        macs.append((asked["other"], asked["other_memory"]))
    entries, rules = list_entries(), rules_of(head)
    sides = []
    for mac, memory_gb in macs:
        chip, _slash, cores = mac.partition("/")
        table = table_of_configuration(form.question, chip=chip, gpu_cores=int(cores), memory_gb=memory_gb, rules=rules)
        lines = lines_of(table.rows, entries)
        sides.append(Side(f"{chip} · {cores} GPU · {memory_gb} GB", table, lines, sections_of(lines, form)))
    return WhatIf(form, sides, list(_pairs(sides, form)) if len(sides) > 1 else [])


def _pairs(sides: Sequence[Side], form: FitForm) -> Iterator[Pair]:
    """In the order of the Mac with more models that are good; a model that fits nowhere comes last on both."""
    first, second = (
        {line.row.name: line for line in best_forms(narrow(side.lines, form.cleaned_data))} for side in sides
    )
    order = first if sides[0].good >= sides[1].good else second
    for name in order:
        if name in first and name in second:
            yield Pair(order[name].row.title, (first[name], second[name]))
