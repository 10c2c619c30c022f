"""The first milliseconds of `kirikae guard`: the clock that it must not outlive, and the event that it is asked about.

Claude Code lets a prompt or a tool pass unless its hook ends with 2, also when it has waited long enough.
"""

import io
import os
import sys

# What `signal` is made of; its enumerations cost the wrapper 2 ms, and `typing` as much.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

STOP = 2
# Before the client stops waiting for its hook.
PATIENCE_S = 10.0
MAX_EVENT_BYTES = 32 * 1024 * 1024


def start_clock() -> None:
    """One for all of it; in the resident agent the clock of the fork runs already."""
    if not signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.signal(signal.SIGALRM, _give_up)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)


def read_event() -> bytes:
    """For the resident agent; this process can read it from its standard input again. Empty where there is none."""
    event = sys.stdin.buffer.read(MAX_EVENT_BYTES) if sys.stdin else b""
    sys.stdin = io.TextIOWrapper(io.BytesIO(event))
    return event


def fail_closed(code: int) -> int:
    """Whatever is no clear yes is a no."""
    return code if code == 0 else STOP


def _give_up(_number: int, _frame: object) -> None:
    """A disk or a share that hangs; whatever was being tried has no more say."""
    from kirikae.texts import say  # noqa: PLC0415 - the resident agent brings the words of a refusal

    os.write(2, f"{say('guard.broken')}\n".encode())
    os._exit(STOP)
