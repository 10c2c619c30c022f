"""How much of the cloud allowance is left, as the client's status line last told; what it does not tell is unknown."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from kirikae.collect.runtime_facts import MAX_NUMBER
from kirikae.home import Home

FILE = "quota.json"
# Claude Code names a window of five hours and one of seven days; the tighter one counts.
WINDOWS = ("five_hour", "seven_day")
# For a window that names no end.
KEPT_FOR_S = 3600.0


def keep_quota(home: Home, status: Mapping[str, object]) -> None:
    """From the JSON that Claude Code gives its status line: `rate_limits`, only there for subscribers."""
    limits = status.get("rate_limits")
    windows = list(_windows(limits)) if isinstance(limits, dict) else []
    if windows and windows != home.read_json(FILE).get("windows"):
        home.keep_json(FILE, {"windows": windows, "seen_at": time.time()})


def find_quota_left(home: Home) -> float | None:
    """A share between 0 and 1. None when nothing was told, or every window that was told of has ended."""
    kept = home.read_json(FILE)
    windows, seen_at = kept.get("windows"), _number(kept.get("seen_at"))
    if not isinstance(windows, list) or seen_at is None:
        return None
    now = time.time()
    left = [
        1.0 - used / 100.0
        for window in windows
        if isinstance(window, dict)
        and (used := _number(window.get("used_percentage"))) is not None
        and seen_at - 60 <= now < (_number(window.get("resets_at")) or seen_at + KEPT_FOR_S)
    ]
    return round(min(left), 4) if left else None


def _windows(limits: Mapping[str, object]) -> Iterator[dict[str, float | None]]:
    for name in WINDOWS:
        window = limits.get(name)
        used = _number(window.get("used_percentage")) if isinstance(window, dict) else None
        if isinstance(window, dict) and used is not None:
            yield {"used_percentage": min(max(used, 0.0), 100.0), "resets_at": _number(window.get("resets_at"))}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MAX_NUMBER:
        return None
    return float(value)
