"""When the next heartbeat and the next report are due; times are seconds of one clock, chance is an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from kirikae.collect.runtime_facts import MAX_NUMBER

type Chance = Callable[[], float]  # a number in [0, 1)

SHORTEST_S, LONGEST_S = 5.0, 3600.0
# A machine that cannot reach its portal tries again within a quarter of an hour.
LONGEST_BACKOFF_S = 900.0
# After sleep all machines of an office wake at nine o'clock.
WAKE_SPREAD_S = 5.0


@dataclass(frozen=True)
class Schedule:
    heartbeat_at: float
    report_at: float
    heartbeat_s: float = 60.0
    report_s: float = 600.0
    failures: int = 0

    @classmethod
    def starting(cls, now: float) -> Schedule:
        return cls(heartbeat_at=now, report_at=now)

    @property
    def next_at(self) -> float:
        """While the portal is away a report waits for the next try like a heartbeat."""
        return self.heartbeat_at if self.failures else min(self.heartbeat_at, self.report_at)

    def is_report_due(self, now: float) -> bool:
        return now >= self.report_at

    def after_answer(self, now: float, answer: Mapping[str, object], *, is_report: bool, chance: Chance) -> Schedule:
        """`heartbeat_s`, `report_s` and `report_wanted` are the portal's wishes."""
        heartbeat_s = _bounded(answer.get("heartbeat_s"), self.heartbeat_s)
        report_s = _bounded(answer.get("report_s"), self.report_s)
        report_at = self.report_at
        if is_report:
            report_at = now + report_s * _spread(chance)
        elif answer.get("report_wanted") is True:
            report_at = now
        return Schedule(now + heartbeat_s * _spread(chance), report_at, heartbeat_s, report_s)

    def after_failure(self, now: float, *, retry_after_s: object, chance: Chance) -> Schedule:
        """Full jitter: anything up to a bound that doubles; never before the portal asked for."""
        bound_s = min(LONGEST_BACKOFF_S, self.heartbeat_s * 2.0 ** min(self.failures, 16))
        asked_s = _bounded(retry_after_s, 0.0) if retry_after_s else 0.0
        wait_s = max(SHORTEST_S, bound_s * chance()) + asked_s
        return replace(self, heartbeat_at=now + wait_s, failures=self.failures + 1)

    def after_wake(self, now: float, *, chance: Chance) -> Schedule:
        return replace(self, heartbeat_at=min(self.heartbeat_at, now + WAKE_SPREAD_S * chance()))


def _spread(chance: Chance) -> float:
    """A twentieth earlier or later, so that machines that started together do not stay together."""
    return 0.95 + 0.1 * chance()


def _bounded(value: object, otherwise: float) -> float:
    """What a portal asks for, within reason."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MAX_NUMBER:
        return otherwise
    return min(max(float(value), SHORTEST_S), LONGEST_S)
