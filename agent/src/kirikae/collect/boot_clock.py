"""Two clocks of one boot that nobody can set: one goes on while the machine sleeps, the other stops."""

from __future__ import annotations

import sys
import time

if sys.platform == "darwin":
    # Apple's CLOCK_MONOTONIC goes on during sleep; `time.monotonic` is the one that stops.
    _WITH_SLEEP, _AWAKE = time.CLOCK_MONOTONIC, time.CLOCK_UPTIME_RAW
else:
    _WITH_SLEEP, _AWAKE = time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC


def boot_seconds() -> float:
    return time.clock_gettime(_WITH_SLEEP)


def slept_seconds() -> float:
    """How long this machine has slept since it started."""
    return time.clock_gettime(_WITH_SLEEP) - time.clock_gettime(_AWAKE)
