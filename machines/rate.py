"""How often one machine may send what, and how many reports one process takes of all.

An agent keeps to a small part of it. What is bounded is what one owner can make the portal do and keep: changes of
state, rows of the audit log, work of the database.
"""

import math
import random
from enum import Enum

from portal.common.problems import Problem
from portal.common.windows import WINDOW_S, Windows


class Sent(Enum):
    """The value is how many a minute are taken."""

    HEARTBEAT = 60
    REPORT = 20
    BENCHMARKS = 21
    # Each may be a change of state, which is kept for a year.
    ANNOUNCEMENT = 6
    # Each is a row of the audit log, which is kept for ever.
    ROTATION = 3


# 15 to 20 ms of work each. After a long outage all agents have one to send.
REPORTS_PER_MINUTE_OF_ALL = 1_500

_windows = Windows()


def refuse_flood(machine_pk: int, what: Sent) -> None:
    """Raises Problem 429."""
    wait_s = _windows.wait_s((machine_pk, what), per_minute=what.value)
    if wait_s is not None:
        detail = f"This Mac sends too much: at most {what.value} a minute are taken of these."
        raise Problem(429, "rate.limited", detail, headers={"Retry-After": str(math.ceil(wait_s))})


def refuse_crowd() -> None:
    """Reports beyond what this process takes of all machines. Raises Problem 429, with waits that are not alike."""
    wait_s = _windows.wait_s("reports of all", per_minute=REPORTS_PER_MINUTE_OF_ALL)
    if wait_s is not None:
        after_s = math.ceil(wait_s + random.uniform(0, WINDOW_S))  # noqa: S311 - no secret
        detail = "Many Macs report at once. This report was not taken; it is welcome a little later."
        raise Problem(429, "report.later", detail, headers={"Retry-After": str(after_s)})


def forget_all() -> None:
    _windows.forget_all()
