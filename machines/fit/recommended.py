"""Models that the policy recommends and that would run on a Mac, but are not installed there."""

from collections.abc import Iterable, Sequence

from machines.catalogue.entries import Entry
from machines.fit.lines import Line, best_forms
from routing.engine.matching import globs


def missing_recommended(lines: Sequence[Line], patterns: Iterable[str]) -> list[Line]:
    """The best form of each that fits; larger ones are for Macs with more memory. Patterns are those of the policy."""
    wanted = [pattern.lower() for pattern in patterns]
    installed = {line.row.name for line in lines if line.row.is_installed}
    found = [line for line in lines if line.runs and line.row.name not in installed]
    return [line for line in best_forms(found) if line.entry is not None and is_wanted(line.entry, wanted)]


def is_wanted(entry: Entry, patterns: Iterable[str]) -> bool:
    """Whether a pattern, in lower case, names the model by its name or by one that runtimes give it."""
    names = [name.lower() for name in (entry.name, *entry.model.aliases)]
    return any(globs.matches_segment(pattern, name) for pattern in patterns for name in names)
