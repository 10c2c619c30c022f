"""How often one token may ask for a decision."""

import threading
import time

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

# Counted in each web process, so a portal with several of them lets more through, never less.
DECISIONS_PER_MINUTE = 600
WINDOW_S = 60.0
# More tokens than this in one window: the oldest windows are forgotten.
_MAX_TOKENS = 50_000

_lock = threading.Lock()
_windows: dict[str, tuple[float, int]] = {}


class DecisionThrottle(BaseThrottle):
    """A fixed window for each token, counted in memory: no query on the hot path."""

    _wait_s: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        now = time.monotonic()
        key = str(request.auth.pk) if request.auth else ""
        with _lock:
            started, count = _windows.get(key, (now, 0))
            if now - started >= WINDOW_S:
                started, count = now, 0
            if count >= DECISIONS_PER_MINUTE:
                self._wait_s = WINDOW_S - (now - started)
                return False
            if len(_windows) >= _MAX_TOKENS:
                _windows.clear()
            _windows[key] = (started, count + 1)
        return True

    def wait(self) -> float | None:
        return self._wait_s


def forget_all() -> None:
    with _lock:
        _windows.clear()
