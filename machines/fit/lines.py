"""The rows of a fit table as people read them: grouped by what the model is good for here, narrowed and sorted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from machines.catalogue.entries import Entry
from machines.fit.bars import Bar, bar_of
from machines.fit.forms import MOST_FIRST, FitForm
from machines.models import RuntimeKind
from routing.engine.fit.estimate import Verdict
from routing.engine.fit.table import FitRow
from routing.engine.policy.values import Tier

# What people still call working together: an answer that begins while one waits, and is read as it is written.
GOOD_FIRST_TOKEN_S = 120
GOOD_TOKENS_PER_S = 20


class Group(models.TextChoices):
    GOOD = "good", _("Good for Claude Code here: first token within 2 minutes, 20 tokens/s or more")
    SIMPLE = "simple", _("As quick, but rated basic or not at all: for short and simple tasks")
    WAITS = "waits", _("Runs, but you wait: for background work")
    COMPLETION = "completion", _("For completion only: it calls no tools, so Claude Code cannot use it")
    UNKNOWN = "unknown", _("Not known: run 'kirikae bench' to learn")
    FORBIDDEN = "forbidden", _("Forbidden by the policy")
    NO = "no", _("Does not fit at this context")


@dataclass(frozen=True)
class Line:
    """`entry` is None for an installed model that the catalogue does not know."""

    row: FitRow
    group: Group
    bar: Bar | None
    entry: Entry | None

    @property
    def is_dim(self) -> bool:
        return not self.runs

    @property
    def runs(self) -> bool:
        """As far as memory and the policy go."""
        return self.group not in (Group.NO, Group.FORBIDDEN)

    @property
    def fits(self) -> bool:
        """As far as memory and the model's own context go."""
        return self.row.estimate.verdict is not Verdict.TOO_LARGE and not self.is_beyond_window

    @property
    def is_beyond_window(self) -> bool:
        return "context_over_model" in self.row.estimate.notes

    @property
    def window_tokens(self) -> int | None:
        return self.row.model.shape.context_tokens if self.row.model else None

    @property
    def runtime_label(self) -> str:
        return str(RuntimeKind(self.row.runtime).label)

    @property
    def score(self) -> str | None:
        """The figure alone; the model's page tells the rest."""
        told = self.entry.scores.get("SWE-bench Verified", "") if self.entry else ""
        return told.partition(" ")[0] or None

    @property
    def missing_bytes(self) -> int | None:
        spare = self.row.estimate.spare_bytes
        return -spare if spare is not None and spare < 0 else None


@dataclass(frozen=True)
class Section:
    group: Group
    lines: Sequence[Line]


def lines_of(rows: Iterable[FitRow], entries: Iterable[Entry]) -> list[Line]:
    by_name = {entry.name: entry for entry in entries}
    return [
        Line(row, group_of(row), bar_of(row), by_name.get(row.model.name) if row.model is not None else None)
        for row in rows
    ]


def group_of(row: FitRow) -> Group:
    """By the slow end of the ranges: whoever installs a model for them should not be let down."""
    found = row.estimate
    if row.forbidden_by is not None:
        return Group.FORBIDDEN
    if found.verdict is Verdict.TOO_LARGE or "context_over_model" in found.notes:
        return Group.NO
    if found.verdict is Verdict.UNKNOWN or found.first_token_s is None or found.decode_tokens_per_s is None:
        return Group.UNKNOWN
    if row.model is not None and row.model.has_tools is False:
        return Group.COMPLETION
    if found.first_token_s[1] > GOOD_FIRST_TOKEN_S or found.decode_tokens_per_s[0] < GOOD_TOKENS_PER_S:
        return Group.WAITS
    # A model that nobody rated is taken for basic, as in decisions.
    is_rated = row.model is not None and row.model.tier is not Tier.BASIC
    return Group.GOOD if is_rated else Group.SIMPLE


def sections_of(lines: Sequence[Line], form: FitForm) -> list[Section]:
    """What the form asks for, by group; groups without a line are left out."""
    shown = _sorted(narrow(lines, form.cleaned_data), form.cleaned_data["sort"])
    sections = [Section(group, [line for line in shown if line.group is group]) for group in Group]
    return [section for section in sections if section.lines]


def best_forms(lines: Iterable[Line]) -> list[Line]:
    """One line for each model, the first: estimates come with the best first."""
    first: dict[str, Line] = {}
    for line in lines:
        first.setdefault(line.row.name, line)
    return list(first.values())


def narrow(lines: Sequence[Line], asked: Mapping[str, str]) -> list[Line]:
    """The lines that a form asks for, in their order."""
    words = asked["find"].lower().split()
    found = [line for line in lines if all(word in f"{line.row.name} {line.row.title}".lower() for word in words)]
    if asked["kind"]:
        found = [line for line in found if line.row.is_mlx == (asked["kind"] == "mlx")]
    if asked["show"] == "every":
        return found
    if asked["show"] == "installed":
        return [line for line in found if line.row.is_installed]
    best = {id(line) for line in best_forms(found)}
    return [line for line in found if line.row.is_installed or id(line) in best]


def _sorted(lines: Iterable[Line], sort: str) -> list[Line]:
    """Equal lines stay in the order of the estimates: by rating, then by speed. What is not known comes last."""
    column = sort.removeprefix("-")
    if column == "rating":
        best_first = sorted(lines, key=lambda line: not line.row.is_installed)
        return best_first if sort == column else best_first[::-1]
    if column == "name":
        return sorted(lines, key=lambda line: line.row.title.lower(), reverse=sort != column)
    known: list[tuple[float, Line]] = []
    unknown: list[Line] = []
    for line in lines:
        value = _figure(line, column)
        if value is None:
            unknown.append(line)
        else:
            known.append((value, line))
    # The natural order of a column is the one that people look for first: the most context, the shortest wait.
    is_falling = (column in MOST_FIRST) == (sort == column)
    known.sort(key=lambda pair: -pair[0] if is_falling else pair[0])
    return [*(line for _value, line in known), *unknown]


def _figure(line: Line, column: str) -> float | None:
    found = line.row.estimate
    if column == "memory":
        return found.memory.total_bytes if found.memory else None
    if column == "context":
        return line.row.most_context_tokens
    if column == "speed":
        return found.decode_tokens_per_s[0] if found.decode_tokens_per_s else None
    return found.first_token_s[1] if found.first_token_s else None
