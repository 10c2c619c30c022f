"""How far runs lie apart, and how sure their median is. Nothing is assumed about how other work disturbs them."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import median

# Of a normal distribution's standard error, for 95 %.
_TWO_SIDED_95 = 1.96


def spread(values: Sequence[float]) -> float:
    """Half of the values lie within this share of their median."""
    middle = median(values)
    return median(abs(value - middle) for value in values) / middle


def uncertainty(values: Sequence[float]) -> float:
    """Half of the width, as a share of the median, between the two values that the true median lies between.

    With a probability of 92 % or more from five values on, whatever their distribution (87 % of four, 75 % of three);
    source: the sign test. One value in a quiet row of eight may be anything without making it less sure.
    """
    ordered, count = sorted(values), len(values)
    outer = max(0, int((count - _TWO_SIDED_95 * sqrt(count)) / 2))
    return (ordered[-1 - outer] - ordered[outer]) / 2 / median(ordered)
