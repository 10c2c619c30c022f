"""Valkey away, emptied, slow, silent and full; and everybody back at once. Decisions never wait for it."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest
import redis

from machines.enrolment import ENROLMENTS_PER_ADDRESS
from machines.health import buffer
from tests.bench.fleet_ground import Seed, seed_fleet
from tests.faults.proxy import Mode
from tests.faults.site import Mac, Site
from tests.killed_worker import wait_until
from tests.machines.conftest import HARDWARE
from tests.running import free_ports
from tests.servers.caddy import Upstreams, running_caddy
from tests.topology import ROOT

pytestmark = pytest.mark.e2e

# On a busy machine a decision takes longer; what is shown is that none waits for a time limit of Valkey (0.25 s).
QUICK_S = 0.2


@pytest.fixture(scope="module")
def mac(site: Site) -> Mac:
    mac = site.join("aiko-studio")
    for _ in range(2):
        site.beat(mac)
    wait_until(lambda: site.state_of(mac) == "online", within_s=30)
    return mac


FORGET = """
from machines.models import Machine
Machine.objects.filter(name__startswith="bench-").delete()
"""


@pytest.fixture(scope="module")
def fleet(site: Site) -> Iterator[Seed]:
    """So many, because one machine alone may not send as much as these tests do."""
    seed = Seed(900_001, 903_100)
    seed_fleet(site.postgresql.url(), seed, data_dir=site.folder / "data")
    yield seed
    site.run_inside(FORGET)


@pytest.fixture(scope="module")
def macs(fleet: Seed) -> Iterator[Mac]:
    """The first hundred, each once."""
    return (Mac(f"m_{token.split('_')[1]}", token) for token in fleet.tokens[:100])


@pytest.fixture(autouse=True)
def _well_again(site: Site) -> Iterator[None]:
    yield
    site.proxy.turn(Mode.PASS)
    site.await_ticks(1, within_s=60)


def decide_often(site: Site, *, until: Callable[[], bool]) -> list[float]:
    """Seconds of each decision; every one must be answered."""
    taken = []
    while not until():
        begun = time.perf_counter()
        assert site.decide().status_code == 200
        taken.append(time.perf_counter() - begun)
    return sorted(taken)


def has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """After a moment, in which a caller lets others ask."""
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return False
    return True


def decide_times(site: Site, times: int) -> list[float]:
    left = iter(range(times))
    return decide_often(site, until=lambda: next(left, None) is None)


def told(taken: list[float]) -> str:
    p99 = taken[int(len(taken) * 0.99)]
    return f"{len(taken)} decisions, p50 {statistics.median(taken) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"


def waits_of_heartbeats(site: Site, macs: Iterator[Mac]) -> list[float]:
    """Seconds of twenty; every one must be answered and be in the database at once."""
    waits = []
    for mac in islice(macs, 20):
        begun = time.perf_counter()
        assert site.beat(mac).status_code == 200
        waits.append(time.perf_counter() - begun)
        assert seen_s_ago(site, mac) < 10
    return waits


def seen_s_ago(site: Site, mac: Mac) -> float:
    return float(
        site.one(
            "select extract(epoch from now() - seen_at) from machines_health h join machines_machine m "
            "on m.id = h.machine_id where public_id = %s",
            mac.public_id,
        )
    )


@pytest.mark.fault(
    5,
    "Valkey away: in flight, and when a web process starts",
    "decisions do not notice; heartbeats are written to the database at once; limits hold; "
    "work goes on when it is back",
)
def test_without_valkey_decisions_and_heartbeats_go_on(site: Site, mac: Mac, measured: Callable[[str], None]) -> None:
    quiet = decide_times(site, 60)
    site.proxy.turn(Mode.AWAY)

    taken = decide_times(site, 60)
    assert site.beat(mac).status_code == 200
    assert seen_s_ago(site, mac) < 5
    assert [apply(site) for _ in range(ENROLMENTS_PER_ADDRESS + 1)] == [201] * ENROLMENTS_PER_ADDRESS + [429]

    site.stop("web")
    site.start("web")
    wait_until(lambda: answers(site, site.port), within_s=40)
    assert site.decide().status_code == 200
    # A process that has just started counts on: the limit is a matter of the database.
    assert apply(site) == 429

    site.proxy.turn(Mode.PASS)
    back_s = site.await_ticks(1, within_s=60)
    measured(f"{told(taken)} (before: {told(quiet)}); scheduled work {back_s:.0f} s after it was back")
    assert statistics.median(taken) < QUICK_S


def apply(site: Site) -> int:
    """A Mac that nobody knows asks to be enrolled."""
    document = {"name": "nobody-knows", "agent_version": "0.1.0", "hardware": HARDWARE, "join_key": None}
    return site.client.post(f"{site.url}/api/v1/enrolments", json=document).status_code


def answers(site: Site, port: int) -> bool:
    try:
        return site.client.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.fault(
    6,
    "Valkey restarts and has lost everything",
    "no machine is called offline for it; the next heartbeat makes good what was lost",
)
def test_an_emptied_valkey_makes_nobody_offline(site: Site, mac: Mac) -> None:
    site.beat(mac)
    site.proxy.turn(Mode.AWAY)
    site.valkey.stop()
    site.valkey.start()
    site.proxy.turn(Mode.PASS)
    since = site.one("select now()")

    site.await_ticks(3, within_s=60)
    wait_until(lambda: site.one("select evaluated_at > %s from machines_watch", since), within_s=30)

    assert site.state_of(mac) == "online"
    assert site.one("select count(*) from machines_statechange where after = 'offline' and at > %s", since) == 0
    site.beat(mac)
    wait_until(lambda: seen_s_ago(site, mac) < 10, within_s=20)


@pytest.mark.fault(
    7,
    "Valkey slow by 2 s, silent (half open), out of memory",
    "decisions do not notice; one heartbeat in five seconds waits a quarter of a second, the others go to the database",
)
def test_a_sick_valkey_does_not_make_decisions_wait(
    site: Site, macs: Iterator[Mac], measured: Callable[[str], None]
) -> None:
    figures = [f"well: {told(decide_times(site, 60))}"]
    for mode in (Mode.SLOW, Mode.SILENT):
        site.proxy.turn(mode)
        begun = time.monotonic()
        waits = waits_of_heartbeats(site, macs)
        tried = 1 + (time.monotonic() - begun) // buffer.RETRY_AFTER_S
        taken = decide_times(site, 60)
        figures.append(f"{mode.value}: longest heartbeat {max(waits):.1f} s, {told(taken)}")
        # Each that tries Valkey may wait twice: for the connection, and for the answer.
        assert sum(wait > QUICK_S for wait in waits) <= tried + len(waits) // 4
        assert max(waits) < 3
        assert statistics.median(waits) < QUICK_S
        assert statistics.median(taken) < QUICK_S
        site.proxy.turn(Mode.PASS)
        site.await_ticks(1, within_s=60)

    with redis.Redis.from_url(site.valkey.url) as valkey:
        valkey.config_set("maxmemory", "1")
        try:
            waits = waits_of_heartbeats(site, macs)
            taken = decide_times(site, 60)
            figures.append(f"full: longest heartbeat {max(waits):.1f} s, {told(taken)}")
        finally:
            valkey.config_set("maxmemory", "0")
    assert statistics.median(waits + taken) < QUICK_S
    measured("; ".join(figures))


@pytest.fixture
def front(site: Site, tmp_path: Path) -> Iterator[int]:
    """The port of Caddy, before the web processes and an intake."""
    port, check_port = free_ports(2)
    site.start("intake")
    try:
        with running_caddy(port, Upstreams(site.port, site.intake_port, check_port), log=tmp_path / "caddy.log"):
            wait_until(lambda: answers(site, site.intake_port) and answers(site, port), within_s=40)
            yield port
    finally:
        site.stop("intake")


@pytest.mark.fault(
    19,
    "3,000 agents at the same moment (10,000: `.ci/bench fleet`)",
    "all are taken and told when to come back; decisions go on meanwhile",
)
def test_everybody_at_once_is_taken_in_and_spread(
    site: Site, front: int, fleet: Seed, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    (tmp_path / "tokens").write_text("\n".join(fleet.tokens[100:]))
    # Of its own: one token may ask 600 times a minute.
    site.token = site.manage("api_token", "--name", "herd", "--scope", "decide")
    command = [sys.executable, "-m", "tests.bench.herd", str(front), str(tmp_path / "tokens"), "0", "0"]

    # A pipe would be full before anybody reads.
    with (tmp_path / "told").open("w") as out, subprocess.Popen(command, cwd=ROOT, stdout=out) as agents:
        taken = decide_often(site, until=lambda: has_ended(agents))

    told_of = json.loads((tmp_path / "told").read_text())
    first_s, last_s = told_of["intervals_s"][0], told_of["intervals_s"][-1]
    spread = f"drained in {told_of['took_s']:.1f} s, next after {first_s} to {last_s} s"
    measured(f"{spread}, answers {told_of['statuses']}; {told(taken)}")
    # Agents stand behind whatever else a busy machine does: some then hang up, and come again.
    assert told_of["statuses"].pop("200") == 3_000
    assert set(told_of["statuses"]) <= {"0", "504"}
    assert first_s >= 60
    assert statistics.median(taken) < QUICK_S
