"""A task that never ends the first time, and says in a file when it starts and when it is done."""

import os
import threading
from pathlib import Path

from portal.common.scheduled import scheduled_task


@scheduled_task("probe.slow")
def slow() -> None:
    told = Path(os.environ["PROBE_FILE"])
    is_first = not told.exists()
    with told.open("a") as file:
        file.write(f"started {os.getpid()}\n")
    if is_first:
        threading.Event().wait()
    with told.open("a") as file:
        file.write("done\n")
