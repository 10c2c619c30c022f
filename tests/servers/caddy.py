"""Caddy from its wheel with the files of the containers: on ports of loopback, without TLS."""

import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.launching import ServerStartError, start, stop

# As docker-compose.yml says it: how many threads, and steps of `nice` for the `cpu_shares` there.
THREADS, STEPS_AHEAD = 8, 5
STEPS_BEHIND = 10
DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"


@dataclass(frozen=True)
class Upstreams:
    web: int
    intake: int
    check_port: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            "WEB": f"127.0.0.1:{self.web}",
            "INTAKE": f"127.0.0.1:{self.intake}",
            "CHECK_PORT": str(self.check_port),
        }


@contextmanager
def running_caddy(port: int, upstreams: Upstreams, *, log: Path) -> Iterator[None]:
    """Listens soon after; whoever needs it asks until the portal answers."""
    more = {"GOMAXPROCS": str(THREADS), "SITE_HOST": f"http://127.0.0.1:{port}"}
    with _running("Caddyfile", upstreams.environment | more, nice=-STEPS_AHEAD, log=log):
        yield


@contextmanager
def running_entrance(port: int, upstreams: Upstreams, *, log: Path) -> Iterator[None]:
    """The proxy for agents; as above."""
    more = {"AGENTS_SITE": f"http://127.0.0.1:{port}"}
    with _running("agents.Caddyfile", upstreams.environment | more, nice=STEPS_BEHIND, log=log):
        yield


@contextmanager
def _running(file: str, environment: Mapping[str, str], *, nice: int, log: Path) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="kirikae-caddy-") as name:
        folders = {"XDG_DATA_HOME": name, "XDG_CONFIG_HOME": name}
        argv = [str(binary()), "run", "--adapter", "caddyfile", "--config", str(DEPLOY / file)]
        process = start(argv, log=log, environment={**environment, **folders})
        # Only root may step ahead, and only Linux shares cores between sessions.
        with suppress(OSError):
            Path(f"/proc/{process.pid}/autogroup").write_text(str(nice))
        try:
            yield
        finally:
            stop(process)


def binary() -> Path:
    found = Path(sysconfig.get_path("scripts")) / "caddy"
    if not found.exists():
        raise ServerStartError("There is no Caddy here. Run: uv sync --group dev")
    return found
