"""Entry of the two children: `python -m portal.embedded.child web|worker LIFELINE …`.

LIFELINE is the reading end of a pipe whose writing end only the supervisor holds. When the supervisor dies,
however it dies, reading ends and the whole group of the child goes with it. Works on Linux and macOS alike.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from portal.processes.programs import Worker, run_web, run_worker

_GRACE_S = 5.0


def watch_lifeline(lifeline: int) -> None:
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_end_with_parent, args=(lifeline,), name="lifeline", daemon=True).start()


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    # After the grace the rest of the group is killed, this process included.
    threading.Timer(_GRACE_S, os.killpg, (os.getpgid(0), signal.SIGKILL)).start()
    os.killpg(os.getpgid(0), signal.SIGTERM)


def main(arguments: list[str]) -> None:
    kind, lifeline, *rest = arguments
    watch_lifeline(int(lifeline))
    if kind == "web":
        run_web(rest[0], int(rest[1]))
    else:
        run_worker(Worker(schedule=Path(rest[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
