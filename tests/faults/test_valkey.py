"""Valkey away, emptied, slow, silent and full; and everybody back at once. Decisions never wait for it."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import pytest
import redis

from tests.faults.proxy import Mode
from tests.faults.site import REQUEST, Mac, Site
from tests.killed_worker import wait_until

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


@pytest.fixture(autouse=True)
def _well_again(site: Site) -> Iterator[None]:
    yield
    site.proxy.turn(Mode.PASS)
    site.await_ticks(1, within_s=60)


def decide_often(site: Site, times: int = 40) -> list[float]:
    """Seconds of each decision; every one must be answered."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        assert site.decide().status_code == 200
        taken.append(time.perf_counter() - begun)
    return sorted(taken)


def told(taken: list[float]) -> str:
    return f"decisions p50 {statistics.median(taken) * 1000:.0f} ms, slowest {taken[-1] * 1000:.0f} ms"


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
    "decisions do not notice; heartbeats are written to the database at once; work goes on when it is back",
)
def test_without_valkey_decisions_and_heartbeats_go_on(site: Site, mac: Mac, measured: Callable[[str], None]) -> None:
    site.proxy.turn(Mode.AWAY)

    taken = decide_often(site)
    assert site.beat(mac).status_code == 200
    assert seen_s_ago(site, mac) < 5

    site.stop("web")
    site.start("web")
    wait_until(lambda: answers(site), within_s=40)
    assert site.decide().status_code == 200

    site.proxy.turn(Mode.PASS)
    back_s = site.await_ticks(1, within_s=60)
    measured(f"{told(taken)}; scheduled work {back_s:.0f} s after it was back")
    assert statistics.median(taken) < QUICK_S


def answers(site: Site) -> bool:
    try:
        return site.client.get(f"{site.url}/healthz").status_code == 200
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
    "decisions do not notice; one heartbeat waits a quarter of a second, the others go to the database",
)
def test_a_sick_valkey_does_not_make_decisions_wait(site: Site, mac: Mac, measured: Callable[[str], None]) -> None:
    figures = []
    for mode in (Mode.SLOW, Mode.SILENT):
        site.proxy.turn(mode)
        begun = time.perf_counter()
        assert site.beat(mac).status_code == 200
        waited_s = time.perf_counter() - begun
        taken = decide_often(site, times=20)
        figures.append(f"{mode.value}: heartbeat {waited_s:.1f} s, {told(taken)}")
        assert waited_s < 3
        assert statistics.median(taken) < QUICK_S
        assert seen_s_ago(site, mac) < 10
        site.proxy.turn(Mode.PASS)
        site.await_ticks(1, within_s=60)

    with redis.Redis.from_url(site.valkey.url) as valkey:
        valkey.config_set("maxmemory", "1")
        try:
            assert site.beat(mac).status_code == 200
            assert seen_s_ago(site, mac) < 5
            taken = decide_often(site, times=20)
            figures.append(f"full: {told(taken)}")
        finally:
            valkey.config_set("maxmemory", "0")
    measured("; ".join(figures))


@pytest.mark.fault(
    19,
    "hundreds of heartbeats at the same moment (10,000 agents: `.ci/bench fleet`)",
    "all are taken or told when to come back; decisions go on meanwhile",
)
def test_everybody_at_once_is_taken_in_and_spread(site: Site, mac: Mac, measured: Callable[[str], None]) -> None:
    begun = time.perf_counter()
    statuses, intervals, taken = asyncio.run(come_back(site, mac, 400))
    took_s = time.perf_counter() - begun

    measured(f"{dict(Counter(statuses))} in {took_s:.1f} s; next after {min(intervals)} to {max(intervals)} s")
    assert set(statuses) <= {200, 429, 503}
    assert min(intervals) >= 60
    assert len(taken) > 3
    assert took_s < 60


async def come_back(site: Site, mac: Mac, count: int) -> tuple[list[int], list[int], list[float]]:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=site.url, limits=limits, timeout=60, trust_env=False) as client:
        beats = [asyncio.create_task(beat(client, mac, number)) for number in range(1, count + 1)]
        taken = []
        while not all(task.done() for task in beats):
            begun = time.perf_counter()
            answer = await client.post(
                "/api/v1/decisions", json=REQUEST, headers={"Authorization": f"Bearer {site.token}"}
            )
            assert answer.status_code == 200
            taken.append(time.perf_counter() - begun)
            await asyncio.sleep(0.05)
        answers = [task.result() for task in beats]
    return [status for status, _ in answers], [interval for _, interval in answers if interval], sorted(taken)


async def beat(client: httpx.AsyncClient, mac: Mac, number: int) -> tuple[int, int]:
    body = {"state": None, "boot_id": f"{2:032x}", "sequence": number, "announce": None}
    answer = await client.post("/api/v1/heartbeats", json=body, headers={"Authorization": f"Bearer {mac.token}"})
    return answer.status_code, int(answer.json().get("heartbeat_s", 0))
