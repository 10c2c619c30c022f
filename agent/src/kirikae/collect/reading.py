"""What a collector returns: a value, or `Absent` with the code that says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kirikae.engine.named_tuple import NamedTuple


class Absent(NamedTuple):
    """Codes: not_on_this_platform, not_reported, system_default, command_missing, command_failed, timeout.

    `not_readable` is what no user may read; `state.thermal` is always that.
    """

    code: str


type Scalar = str | int | bool
type Reading[T] = T | Absent
type Run = Callable[[Sequence[str]], Reading[str]]

NOT_ON_THIS_PLATFORM = Absent("not_on_this_platform")
NOT_REPORTED = Absent("not_reported")


def first_present[T](*readings: Reading[T]) -> Reading[T]:
    """The first value; without any, the first absence, because the first source is the one that should have it."""
    for reading in readings:
        if not isinstance(reading, Absent):
            return reading
    return readings[0]


def values_of(readings: Mapping[str, Reading[Scalar]]) -> dict[str, Scalar | None]:
    return {field: None if isinstance(reading, Absent) else reading for field, reading in readings.items()}


def absences_of(readings: Mapping[str, Reading[Scalar]], *, section: str) -> list[dict[str, str]]:
    return [
        {"field": f"{section}.{field}", "code": reading.code}
        for field, reading in readings.items()
        if isinstance(reading, Absent)
    ]
