"""The program's entrance: `ask` and `run` go to the resident agent when it is there, and are done here when it is not.

Every import here is paid at each launch of a client.
"""

import gc
import sys

RESIDENT_COMMANDS = ("ask", "run")


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] and arguments[0] in RESIDENT_COMMANDS:
        from kirikae.resident.client import call_resident  # noqa: PLC0415 - other commands need no socket

        code = call_resident(arguments)
        if code is not None:
            return code
    # Looking for garbage among what imports make finds none and takes a tenth of an answer's time.
    gc.disable()
    from kirikae.cli import main as run_here  # noqa: PLC0415 - the resident agent makes it needless

    gc.freeze()
    gc.enable()
    return run_here(arguments)
