"""Loaded by the workers under test: a task that notes its runs, and places where a worker is killed once when asked."""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from machines.health import evaluating
from portal.common.scheduled import scheduled_task
from portal.notices import delivery

FOLDER = Path(os.environ["FAULTS_FOLDER"])


@scheduled_task("probe.tick")
def tick() -> None:
    with (FOLDER / "ticks").open("a") as file:
        file.write(f"{time.time()}\n")


def die_once_before(module: Any, name: str) -> None:
    """While the file `name` is there, the first worker that comes to the function takes it away and dies."""
    function: Callable[..., Any] = getattr(module, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            (FOLDER / name).unlink()
        except FileNotFoundError:
            return function(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(module, name, wrapped)


die_once_before(evaluating, "note_state_changes")
die_once_before(delivery, "_settle")
# The waits of a real installation, made short.
delivery.CLAIMED_FOR = timedelta(seconds=3)
delivery.FIRST_PAUSE_S = 0.2
