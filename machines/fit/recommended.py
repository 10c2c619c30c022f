"""Models that the policy recommends and that would run on a Mac, but are not installed there."""

from collections.abc import Iterable, Sequence

from machines.fit.lines import Group, Line, best_forms
from routing.engine.matching import globs


def missing_recommended(lines: Sequence[Line], patterns: Iterable[str]) -> list[Line]:
    """The best form of each that fits; larger ones are for Macs with more memory. Patterns are those of the policy."""
    wanted = [pattern.lower() for pattern in patterns]
    installed = {line.row.name for line in lines if line.row.is_installed}
    found = [line for line in lines if line.group is not Group.NO and line.row.name not in installed]
    return [line for line in best_forms(found) if line.entry is not None and _is_wanted(line, wanted)]


def _is_wanted(line: Line, patterns: Sequence[str]) -> bool:
    names = [line.row.name, *(line.entry.model.aliases if line.entry else ())]
    return any(globs.matches_segment(pattern, name.lower()) for pattern in patterns for name in names)
