"""Columns on a terminal: as wide as their widest cell, where Japanese characters take two places."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

GAP = 2


def format_table(lines: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """`lines` have the same number of cells; columns in `right` are set flush right, as numbers are."""
    widths = [max(width_of(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(_line(line, widths, right).rstrip() for line in lines)


def width_of(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _line(cells: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = []
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        padding = " " * (width - width_of(cell))
        padded.append(padding + cell if place in right else cell + padding)
    return (" " * GAP).join(padded)
