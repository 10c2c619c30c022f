"""The real service as a process of its own, for tests: started, waited for, ended."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kirikae.home import Home

PATIENCE_S = 20.0
# A busy machine answers late; a command then waits for its runtime instead of deciding without.
PATIENT = (
    f"import kirikae.collect.facts_reader as reader; reader.ASK_BUDGET_S = {PATIENCE_S}; "
    "import sys; from kirikae.cli import main; sys.exit(main())"
)


@contextlib.contextmanager
def running_service(home: Home, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PATIENT, "service", "run", *arguments]
    environment = os.environ | {"KIRIKAE_HOME": str(home.path)}
    with subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: (home.path / "agent.sock").exists() or process.poll() is not None)
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                # It fails its test; leaving the block would wait for it without end.
                process.kill()
                raise


def wait_for(is_there: Callable[[], object]) -> None:
    """Of another process only what it leaves can be seen, so this looks again and again."""
    until = time.monotonic() + PATIENCE_S
    while not is_there():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def socket_of(home: Home) -> Path:
    return home.path / "agent.sock"
