"""Caddy from its wheel with the file of the containers: on a port of loopback, without TLS."""

import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.launching import ServerStartError, start, stop

# As docker-compose.yml says it: how many threads, and steps of `nice` for the `cpu_shares` there.
THREADS, STEPS_AHEAD = 8, 5
CADDYFILE = Path(__file__).parents[2] / "docs" / "deploy" / "Caddyfile"


@dataclass(frozen=True)
class Upstreams:
    web: int
    intake: int
    check_port: int


@contextmanager
def running_caddy(port: int, upstreams: Upstreams, *, log: Path) -> Iterator[None]:
    """Listens soon after; whoever needs it asks until the portal answers."""
    with tempfile.TemporaryDirectory(prefix="kirikae-caddy-") as name:
        environment = {
            "GOMAXPROCS": str(THREADS),
            "SITE_HOST": f"http://127.0.0.1:{port}",
            "WEB": f"127.0.0.1:{upstreams.web}",
            "INTAKE": f"127.0.0.1:{upstreams.intake}",
            "CHECK_PORT": str(upstreams.check_port),
            "XDG_DATA_HOME": name,
            "XDG_CONFIG_HOME": name,
        }
        argv = [str(binary()), "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
        process = start(argv, log=log, environment=environment)
        # Only root may, and only Linux shares cores between sessions.
        with suppress(OSError):
            Path(f"/proc/{process.pid}/autogroup").write_text(str(-STEPS_AHEAD))
        try:
            yield
        finally:
            stop(process)


def binary() -> Path:
    found = Path(sysconfig.get_path("scripts")) / "caddy"
    if not found.exists():
        raise ServerStartError("There is no Caddy here. Run: uv sync --group dev")
    return found
