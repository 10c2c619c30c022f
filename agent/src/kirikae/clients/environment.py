"""Names of variables against the patterns of an answer."""

from __future__ import annotations

from collections.abc import Iterable


def fits(name: str, pattern: str) -> bool:
    """`*` at the beginning or the end of a pattern stands for any rest."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name.endswith(pattern[1:]) if pattern.startswith("*") else name == pattern


def fits_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fits(name, pattern) for pattern in patterns)
