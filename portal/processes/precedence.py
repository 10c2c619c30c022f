"""Which process goes first where several want the same core, and how much of one goes on at a time."""

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")


def stand_back(steps: int) -> None:
    """So many steps of `nice` behind the others, for the process of a server that is about to serve. Once.

    Threads that it starts later go along, those before may not.
    """
    os.nice(steps)
    # Most Linux systems share cores between sessions first (sched_autogroup) and count `nice` inside of one only: a
    # server alone in its session, as services are, would be as fast as before. A session that began with something
    # else, a terminal say, is not slowed down.
    if os.getsid(0) in (os.getpid(), os.getppid()):
        with suppress(OSError):
            AUTOGROUP.write_text(str(steps))


def few_at_a_time[**P](application: Callable[P, Iterable[bytes]], *, most: int) -> Callable[P, Iterable[bytes]]:
    """A WSGI application that at most so many threads are in; the others wait."""
    places = threading.BoundedSemaphore(most)

    def serve(*arguments: P.args, **named: P.kwargs) -> Iterable[bytes]:
        with places:
            return application(*arguments, **named)

    return serve
