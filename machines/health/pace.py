"""How soon an agent should send its next heartbeat: the portal slows its agents down before it gets slow itself."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from machines.health.models import INTERVAL_S

# Below the policy's default `facts_max_age_s` of 900, so that one lost report leaves the facts fresh enough.
REPORT_S = 600
MAX_INTERVAL_S = 600
# What one web process takes without being noticed beside decisions, and what a process takes that does nothing else:
# some 5 and 30 % of a core.
HEARTBEATS_PER_S = 100.0
HEARTBEATS_PER_S_OF_INTAKE = 600.0
_WINDOW_S = 5.0


def is_report_due(reported_at: datetime | None, *, now: datetime) -> bool:
    return reported_at is None or now - reported_at > timedelta(seconds=REPORT_S)


@dataclass
class Pace:
    """Counts the heartbeats of this process in windows of five seconds; no input, no output."""

    clock: Callable[[], float] = time.monotonic
    draw: Callable[[float, float], float] = random.uniform
    lock: threading.Lock = field(default_factory=threading.Lock)
    heartbeats_per_s: float = HEARTBEATS_PER_S
    _started: float = 0.0
    _count: int = 0
    _before: float = 0.0

    def next_interval_s(self) -> int:
        """After a crowd the answers are spread over the longer interval, so that it does not come again as one."""
        longest = min(MAX_INTERVAL_S, INTERVAL_S * self._note() / self.heartbeats_per_s)
        return INTERVAL_S if longest <= INTERVAL_S else round(self.draw(INTERVAL_S, longest))

    def _note(self) -> float:
        """Heartbeats per second, by the fuller of this window and the one before."""
        now = self.clock()
        with self.lock:
            age_s = now - self._started
            if age_s >= _WINDOW_S:
                self._before = self._count / _WINDOW_S if age_s < 2 * _WINDOW_S else 0.0
                self._started, self._count = now, 0
            self._count += 1
            return max(self._before, self._count / _WINDOW_S)


pace = Pace()
