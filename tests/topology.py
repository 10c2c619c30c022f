"""A team's installation on one host, without containers: `.ci/topology up`.

Caddy, PostgreSQL and Valkey from their wheels, two web processes and one for agents, two workers and the scheduler, all
from this checkout and with the commands and the Caddyfiles of docker-compose.yml, but for TLS. The web processes share
a port by SO_REUSEPORT: the kernel deals connections out. Whatever ends is started again, as a container engine does.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.running import free_port, free_ports, portal_environment
from tests.servers.caddy import Upstreams, running_caddy, running_entrance
from tests.servers.launching import ending_with_parent
from tests.servers.postgresql import FOLDERS, PostgreSQL, running_postgresql, sweep_stale
from tests.servers.valkey import Valkey, running_valkey

ROOT = Path(__file__).parents[1]
READY_WITHIN_S = 90.0
STOP_WITHIN_S = 10.0
RESTART_AFTER_S = 0.2


@dataclass
class Member:
    """One process that is started again when it ends, until told otherwise."""

    name: str
    argv: list[str]
    environment: dict[str, str]
    log: Path
    tell: Callable[[str], None]
    pid: int = 0
    starts: int = 0
    is_stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        # The kernel ends a process with the *thread* that started it, so this thread stays with it.
        while not self.is_stopping.is_set():
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    [*ending_with_parent(), *self.argv],
                    cwd=ROOT,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.pid, self.starts = process.pid, self.starts + 1
            code = process.wait()
            self.signal(signal.SIGKILL)
            if not self.is_stopping.wait(RESTART_AFTER_S):
                self.tell(f"{self.name} ended ({code}); started again")

    def signal(self, number: signal.Signals) -> None:
        """To the whole group: a killed web server leaves workers behind."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def stop(self) -> None:
        self.is_stopping.set()
        self.signal(signal.SIGTERM)
        assert self.thread is not None
        self.thread.join(STOP_WITHIN_S)
        self.signal(signal.SIGKILL)
        self.thread.join(2)


@dataclass
class Topology:
    folder: Path
    postgresql: PostgreSQL
    valkey: Valkey
    port: int
    agents_port: int
    upstreams: Upstreams
    members: dict[str, Member] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return portal_environment(
            KIRIKAE_DATA_DIR=str(self.folder / "data"),
            KIRIKAE_AGENTS_PORT=str(self.agents_port),
            KIRIKAE_BASE_URL=self.url,
            KIRIKAE_DATABASE_URL=self.postgresql.url(),
            KIRIKAE_REDIS_URL=self.valkey.url,
            KIRIKAE_SECRET_KEY=(self.folder / "secret").read_text(),
            KIRIKAE_TRUSTED_PROXIES="127.0.0.1",
        )

    def tell(self, line: str) -> None:
        self.lines.append(f"{time.monotonic() - self.began:6.1f} s  {line}")
        print(self.lines[-1], flush=True)

    def manage(self, *arguments: str) -> str:
        """stdout of a management command. Raises CalledProcessError."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout.strip()

    def start(self) -> None:
        """Returns when the portal is ready; the set-up link is among the lines."""
        for line in self.manage("prepare").splitlines():
            self.tell(line)
        web = ["web", "--port", str(self.upstreams.web), "--processes", "1"]
        intake = ["intake", "--port", str(self.upstreams.intake)]
        beat = ["beat", "--schedule", str(self.folder / "beat-schedule")]
        programs = {"web-1": web, "web-2": web, "intake": intake}
        programs |= {"worker-1": ["worker"], "worker-2": ["worker"], "beat": beat}
        for name, arguments in programs.items():
            argv = [sys.executable, "manage.py", "serve", *arguments]
            member = Member(name, argv, self.environment, self.folder / f"{name}.log", self.tell)
            self.members[name] = member
            member.start()
        self.await_ready()
        self.tell(f"ready: {self.url} (2 Caddy, 2 web, intake, 2 workers, beat, PostgreSQL, Valkey)")

    def await_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        intake = f"http://127.0.0.1:{self.upstreams.intake}"
        while not (answers(f"{self.url}/readyz") and answers(f"{intake}/healthz") and listens(self.agents_port)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not ready within {READY_WITHIN_S:.0f} s; read {self.folder}/*.log")
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        self.tell(f"kill -9 {name}")
        self.members[name].signal(signal.SIGKILL)

    def stop(self) -> None:
        for member in self.members.values():
            member.is_stopping.set()
            member.signal(signal.SIGTERM)
        for member in self.members.values():
            member.stop()


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def running_topology(*, port: int | None = None) -> Iterator[Topology]:
    sweep_stale()
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="kirikae-topology-", dir=FOLDERS))
        (Path(name) / "secret").write_text(secrets.token_urlsafe(32))
        postgresql = stack.enter_context(running_postgresql())
        valkey = stack.enter_context(running_valkey(is_durable=True))
        agents_port, check_port, *upstreams = free_ports(5)
        topology = Topology(Path(name), postgresql, valkey, port or free_port(), agents_port, Upstreams(*upstreams))
        stack.callback(topology.stop)
        stack.enter_context(running_caddy(topology.port, topology.upstreams, log=topology.folder / "caddy.log"))
        behind = replace(topology.upstreams, check_port=check_port)
        stack.enter_context(running_entrance(agents_port, behind, log=topology.folder / "entrance.log"))
        topology.start()
        yield topology


def main(arguments: list[str]) -> None:
    if arguments[:1] != ["up"] or len(arguments) > 2:
        sys.exit("usage: .ci/topology up [PORT]")
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    with running_topology(port=int(arguments[1]) if arguments[1:] else 8000):
        is_over.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
