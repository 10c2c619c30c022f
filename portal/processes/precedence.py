"""Which process goes first where several want the same core, and how much of one goes on at a time."""

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
# So many steps of `nice` behind the web processes stands what nobody waits for: heartbeats and scheduled work. Silence
# makes agents late and leases end, though: when web processes want all of two cores, this leaves each a tenth of one,
# where 10,000 agents need 6 % and the renewal of a lease next to nothing.
STEPS_BEHIND = 10


def stand_back() -> None:
    """STEPS_BEHIND the others, for a process that is about to serve. Once.

    Threads that it starts later go along, those before may not.
    """
    os.nice(STEPS_BEHIND)
    # Most Linux systems share cores between sessions first (sched_autogroup) and count `nice` inside of one only: a
    # server alone in its session, as services are, would be as fast as before. A session that began with something
    # else, a terminal say, is not slowed down.
    if os.getsid(0) in (os.getpid(), os.getppid()):
        with suppress(OSError):
            AUTOGROUP.write_text(str(STEPS_BEHIND))


def few_at_a_time[**P](application: Callable[P, Iterable[bytes]], *, most: int) -> Callable[P, Iterable[bytes]]:
    """A WSGI application that at most so many threads are in; the others wait."""
    places = threading.BoundedSemaphore(most)

    def serve(*arguments: P.args, **named: P.kwargs) -> Iterable[bytes]:
        with places:
            return application(*arguments, **named)

    return serve
