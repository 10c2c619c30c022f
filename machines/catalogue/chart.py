"""Tokens per second against context, as points of an SVG: the estimate's range as a band, measured runs as dots."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log2

from machines.catalogue.coverage import Covered, rows_at
from machines.catalogue.entries import Entry
from machines.fit.forms import STEPS_TOKENS
from machines.fit.lines import Line, lines_of
from machines.models import Benchmark
from portal.common.templatetags.quantities import context
from routing.engine.fit.table import Question

LEFT, RIGHT, TOP, BOTTOM = 48, 690, 14, 214
# Shorter prompts stand at the left edge.
_LEAST_TOKENS, _MOST_TOKENS = 1_024, STEPS_TOKENS[-1]


@dataclass(frozen=True)
class Tick:
    at: str
    text: str


@dataclass(frozen=True)
class Dot:
    x: str
    y: str


@dataclass(frozen=True)
class Chart:
    """`lines` are the rows of the table beside it: one for each context."""

    one: Covered
    band: str
    dots: Sequence[Dot]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    points: Sequence[tuple[int, Line]]


def chart_of(one: Covered, entry: Entry, question: Question, runs: Iterable[Benchmark]) -> Chart | None:
    """None where no speed is known at any context."""
    window = entry.model.shape.context_tokens or _MOST_TOKENS
    points = []
    for tokens in STEPS_TOKENS:
        row = rows_at(one, entry, question._replace(context_tokens=tokens)) if tokens <= window else None
        if row is not None:
            points.append((tokens, lines_of([row], [entry])[0]))
    speeds = [(tokens, line.row.estimate.decode_tokens_per_s) for tokens, line in points]
    known = [(tokens, speed) for tokens, speed in speeds if speed is not None]
    if not known:
        return None
    measured = [(run.depth_tokens, run.decode_tokens_per_s) for run in runs if not run.set_aside]
    most = _round_up(max([high for _, (_low, high) in known] + [speed for _, speed in measured]))
    top = [f"{_x(tokens)},{_y(high, most)}" for tokens, (_low, high) in known]
    bottom = [f"{_x(tokens)},{_y(low, most)}" for tokens, (low, _high) in reversed(known)]
    return Chart(
        one=one,
        band=" ".join(top + bottom),
        dots=[Dot(_x(tokens), _y(speed, most)) for tokens, speed in measured],
        x_ticks=[Tick(_x(tokens), context(tokens)) for tokens in (_LEAST_TOKENS, *STEPS_TOKENS)],
        y_ticks=[Tick(_y(most * part / 4, most), f"{most * part / 4:g}") for part in range(5)],
        points=points,
    )


def _x(tokens: int) -> str:
    share = log2(max(tokens, _LEAST_TOKENS) / _LEAST_TOKENS) / log2(_MOST_TOKENS / _LEAST_TOKENS)
    return f"{LEFT + min(share, 1) * (RIGHT - LEFT):.1f}"


def _y(speed: float, most: float) -> str:
    return f"{BOTTOM - speed / most * (BOTTOM - TOP):.1f}"


def _round_up(speed: float) -> int:
    """To a number that four parts divide."""
    step = 4 if speed <= 40 else 20 if speed <= 200 else 100
    return max(step, ceil(speed / step) * step)
