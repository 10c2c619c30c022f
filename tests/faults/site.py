"""A small installation to be harmed: PostgreSQL, Valkey behind a proxy, and processes that are started again."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.faults.proxy import Proxy, running_proxy
from tests.killed_worker import wait_until
from tests.machines.conftest import HARDWARE
from tests.running import free_ports, portal_environment
from tests.servers.postgresql import FOLDERS, PostgreSQL, running_postgresql, sweep_stale
from tests.servers.valkey import Valkey, running_valkey
from tests.topology import ROOT, Member

ANSWER_WITHIN_S = 20.0
REQUEST = {"task": "architecture-design", "projects": [{"remotes": ["git@github.com:example/site.git"]}]}


@dataclass
class Mac:
    public_id: str
    token: str
    sequence: int = 0


@dataclass
class Site:
    folder: Path
    postgresql: PostgreSQL
    valkey: Valkey
    proxy: Proxy
    port: int
    intake_port: int
    token: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=False))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return portal_environment(
            DJANGO_SETTINGS_MODULE="tests.faults.settings",
            FAULTS_FOLDER=str(self.folder),
            KIRIKAE_DATA_DIR=str(self.folder / "data"),
            KIRIKAE_BASE_URL=self.url,
            KIRIKAE_DATABASE_URL=self.postgresql.url(),
            KIRIKAE_REDIS_URL=f"redis://127.0.0.1:{self.proxy.port}/0",
            KIRIKAE_SECRET_KEY="x" * 43,
            KIRIKAE_WEBHOOK_NETWORKS="127.0.0.1",
            PYTHONPATH=str(ROOT),
        )

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def run_inside(self, code: str) -> str:
        """stdout of lines of Python in the portal."""
        return self.manage("shell", "-v", "0", "-c", code)

    def start(self, *names: str) -> None:
        """`web`, `intake`, `worker-1`, `beat-2`: what runs is the word before the dash."""
        for name in names:
            program = name.partition("-")[0]
            options = {
                "web": ["--port", str(self.port), "--processes", "1"],
                "intake": ["--port", str(self.intake_port)],
                "worker": [],
                "beat": ["--schedule", str(self.folder / name)],
            }[program]
            argv = [sys.executable, "manage.py", "serve", program, *options]
            log = self.folder / f"{name}.log"
            # Not through the proxy, which is Python in the process of the tests and slower than all of the portal.
            direct = {"KIRIKAE_REDIS_URL": self.valkey.url} if program == "intake" else {}
            self.members[name] = Member(name, argv, self.environment | direct, log, lambda _line: None)
            self.members[name].start()

    def stop(self, *names: str) -> None:
        members = [self.members.pop(name) for name in names]
        for member in members:
            member.is_stopping.set()
        for member in members:
            member.stop()

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgresql.url(), autocommit=True) as connection:
            cursor = connection.execute(query, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def one(self, query: str, *values: object) -> Any:
        [[value]] = self.sql(query, *values)
        return value

    def join(self, name: str) -> Mac:
        answer = self.client.post(
            f"{self.url}/api/v1/enrolments",
            json={"name": name, "agent_version": "0.1.0", "hardware": HARDWARE, "join_key": self.manage("join_key")},
        )
        assert answer.status_code == 201, answer.text
        return Mac(answer.json()["machine"], answer.json()["token"])

    def beat(self, mac: Mac) -> httpx.Response:
        mac.sequence += 1
        body = {"state": None, "boot_id": f"{1:032x}", "sequence": mac.sequence, "announce": None}
        headers = {"Authorization": f"Bearer {mac.token}"}
        return self.client.post(f"{self.url}/api/v1/heartbeats", json=body, headers=headers)

    def decide(self) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.post(f"{self.url}/api/v1/decisions", json=REQUEST, headers=headers)

    def state_of(self, mac: Mac) -> str:
        return str(self.one("select state from machines_machine where public_id = %s", mac.public_id))

    def make_silent(self, mac: Mac) -> None:
        """As if nothing had come from it for ten minutes, in an hour in which the portal listened."""
        self.sql("update machines_watch set listening_since = now() - interval '1 hour', listened_at = now()")
        self.sql(
            "update machines_health set seen_at = now() - interval '10 min', due_at = now() - interval '1 min' "
            "where machine_id = (select id from machines_machine where public_id = %s)",
            mac.public_id,
        )

    def ticks(self) -> list[float]:
        path = self.folder / "ticks"
        return [float(line) for line in path.read_text().split()] if path.exists() else []

    def await_ticks(self, count: int, *, within_s: float = 40) -> float:
        """Until so many more runs of the quick task are noted; the seconds that it took."""
        before, begun = len(self.ticks()), time.monotonic()
        wait_until(lambda: len(self.ticks()) >= before + count, within_s=within_s)
        return time.monotonic() - begun

    def arm(self, place: str) -> None:
        (self.folder / place).touch()

    def is_armed(self, place: str) -> bool:
        return (self.folder / place).exists()

    def is_ready(self) -> bool:
        try:
            return self.client.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_site() -> Iterator[Site]:
    sweep_stale()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kirikae-faults-", dir=FOLDERS)))
        postgresql = stack.enter_context(running_postgresql())
        valkey = stack.enter_context(running_valkey())
        proxy = stack.enter_context(running_proxy(lambda: _connect(valkey)))
        web_port, intake_port = free_ports(2)
        site = Site(folder, postgresql, valkey, proxy, web_port, intake_port)
        stack.callback(lambda: site.stop(*site.members))
        stack.callback(site.client.close)
        site.manage("prepare")
        site.token = site.manage("api_token", "--name", "faults", "--scope", "decide")
        site.start("web", "worker-1", "worker-2", "beat-1")
        wait_until(site.is_ready, within_s=60)
        yield site


def _connect(valkey: Valkey) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(valkey.socket_path))
    return connection
