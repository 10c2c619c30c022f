"""The program's entrance: what is asked often goes to the resident agent when it is there, and is done here when not.

Every import here is paid at each launch of a client.
"""

import gc
import os
import sys
from collections.abc import Sequence

RESIDENT_COMMANDS = ("ask", "run", "guard")


INTERRUPTED = 130


def main() -> int:
    _hold_standard_streams()
    arguments = sys.argv[1:]
    if arguments[:1] == ["guard"]:
        return _guard(arguments)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        # While it was imported.
        return INTERRUPTED


def _hold_standard_streams() -> None:
    """The first file that is opened takes the number of a closed one, and the client would write its output into it."""
    for handle, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(handle, "r" if handle == 0 else "w", encoding="utf-8"))


def _guard(arguments: Sequence[str]) -> int:
    from kirikae.guarding import entrance  # noqa: PLC0415 - of no use to a launch

    entrance.start_clock()
    try:
        code = _run(arguments, given=entrance.read_event())
    except (OSError, KeyboardInterrupt):
        # Nobody reads the refusal, or it has no room: it is one all the same.
        code = entrance.STOP
    return entrance.fail_closed(code)


def _run(arguments: Sequence[str], *, given: bytes = b"") -> int:
    """`given` on standard input."""
    if arguments[:1] and arguments[0] in RESIDENT_COMMANDS:
        from kirikae.resident.client import call_resident  # noqa: PLC0415 - other commands need no socket

        code = call_resident(arguments, given=given)
        if code is not None:
            return code
    # Looking for garbage among what imports make finds none and takes a tenth of an answer's time.
    gc.disable()
    from kirikae.cli import main as run_here  # noqa: PLC0415 - the resident agent makes it needless

    gc.freeze()
    gc.enable()
    return run_here(arguments)
