"""Counting how often somebody asks: a fixed window for each key, in the memory of this process. No query."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

WINDOW_S = 60.0
# More keys than this in one window: all windows are forgotten.
MAX_KEYS = 50_000


@dataclass
class Windows:
    """A portal with several processes lets more through, never less."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counts: dict[Hashable, tuple[float, int]] = field(default_factory=dict)

    def wait_s(self, key: Hashable, *, per_minute: int) -> float | None:
        """None: go on, it is counted. Otherwise until when this key has to wait."""
        now = self.clock()
        with self._lock:
            started, count = self._counts.get(key, (now, 0))
            if now - started >= WINDOW_S:
                started, count = now, 0
            if count >= per_minute:
                return WINDOW_S - (now - started)
            if len(self._counts) >= MAX_KEYS:
                self._counts.clear()
            self._counts[key] = (started, count + 1)
        return None

    def forget_all(self) -> None:
        with self._lock:
            self._counts.clear()
