"""Where two patterns meet: `github.com/*/sdk` and `github.com/acme/*` in `github.com/acme/sdk`.

A sample of either alone may miss what only both together let through.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from ..identity import fold
from ..matching.globs import matches_segment

type Segments = tuple[str, ...]

# No repository lies so deep, and comparing takes a call for each segment: what is deeper is not compared.
_MOST_SEGMENTS = 64


def crossings(patterns: Iterable[Segments], others: Iterable[Segments]) -> Iterator[Segments]:
    """Patterns of addresses that one of each means, where neither says it alone. Written as in `others`."""
    others = list(others)
    for one in patterns:
        for other in others:
            met = meeting(one, other)
            if met is not None and met not in (one, other):
                yield met


# The same ends are compared again and again where both hold several `**`.
@lru_cache(maxsize=8192)
def meeting(one: Segments, other: Segments) -> Segments | None:
    """A pattern of what both mean, though perhaps not of all of it; None where they mean nothing together."""
    if len(one) > _MOST_SEGMENTS or len(other) > _MOST_SEGMENTS:
        return None
    if not one or not other:
        return () if all(segment == "**" for segment in one + other) else None
    if one[0] == "**":
        longer = meeting(one, other[1:])
        return meeting(one[1:], other) if longer is None else (other[0], *longer)
    if other[0] == "**":
        longer = meeting(one[1:], other)
        return meeting(one, other[1:]) if longer is None else (one[0], *longer)
    met = _meeting_segment(one[0], other[0])
    rest = None if met is None else meeting(one[1:], other[1:])
    return None if met is None or rest is None else (met, *rest)


def _meeting_segment(one: str, other: str) -> str | None:
    if "*" not in other:
        return other if matches_segment(one, other) or matches_segment(fold(one), fold(other)) else None
    if "*" not in one:
        return one if matches_segment(other, one) else None
    (start, *inner, end), (other_start, *other_inner, other_end) = one.split("*"), other.split("*")
    starts, ends = sorted((start, other_start), key=len), sorted((end, other_end), key=len)
    if not starts[1].startswith(starts[0]) or not ends[1].endswith(ends[0]):
        return None
    return "*".join((starts[1], *filter(None, (*inner, *other_inner)), ends[1]))
