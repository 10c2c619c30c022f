"""How long a killed worker's task is away: two real workers on PostgreSQL and Valkey, one of them killed at work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.running import portal_environment
from tests.servers.launching import ending_with_parent, stop
from tests.servers.postgresql import running_postgresql
from tests.servers.valkey import running_valkey

ROOT = Path(__file__).parents[1]
SEND = "from portal.celery import app; app.send_task('probe.slow')"


def seconds_until_done(folder: Path, *, within_s: float = 60) -> float:
    """From the kill to the end of the second run. Raises TimeoutError."""
    told = folder / "probe"
    with running_postgresql() as postgresql, running_valkey() as valkey:
        environment = portal_environment(
            DJANGO_SETTINGS_MODULE="tests.probe_settings",
            KIRIKAE_DATA_DIR=str(folder / "data"),
            KIRIKAE_DATABASE_URL=postgresql.url(),
            KIRIKAE_REDIS_URL=valkey.url,
            PROBE_FILE=str(told),
            PYTHONPATH=str(ROOT),
        )
        run(environment, "manage.py", "prepare")
        with running_worker(environment, folder / "worker-1.log"), running_worker(environment, folder / "worker-2.log"):
            run(environment, "-c", SEND)
            wait_until(lambda: told.exists() and bool(told.read_text()), within_s=within_s)
            os.kill(int(told.read_text().split()[1]), signal.SIGKILL)
            killed_at = time.monotonic()
            wait_until(lambda: "done" in told.read_text(), within_s=within_s)
            return time.monotonic() - killed_at


def run(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True, timeout=60, capture_output=True)


@contextmanager
def running_worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    argv = [*ending_with_parent(), sys.executable, "manage.py", "serve", "worker"]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        stop(process)


def wait_until(holds: Callable[[], bool], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:.0f} s")
        time.sleep(0.1)
