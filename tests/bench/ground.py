"""`.ci/bench ground`: what the ground holds. Four measurements, each bounded; exit code 1 when one misses its target.

On loopback and in folders of its own; whatever it starts it ends.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.killed_worker import seconds_until_done
from tests.running import kill_quietly, portal_environment, start_portal
from tests.topology import ROOT, Topology, running_topology

WRITERS, TRANSACTIONS = 8, 5_000
CALLERS, LOAD_S, AWAY_S = 4, 12.0, 3.0
REQUEST = {"task": "architecture-design", "projects": [{"remotes": ["git@github.com:example/site.git"]}]}


@dataclass(frozen=True)
class Figure:
    name: str
    found: str
    target: str
    is_met: bool


def measure_sqlite_writers(folder: Path) -> Figure:
    environment = portal_environment(KIRIKAE_DATA_DIR=str(folder), PYTHONPATH=str(ROOT))
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, env=environment, check=True, capture_output=True)
    command = [sys.executable, "-m", "tests.bench.write_often", str(TRANSACTIONS // WRITERS)]
    started = time.monotonic()
    writers = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(WRITERS)
    ]
    told = [json.loads(writer.communicate(timeout=180)[0]) for writer in writers]
    took_s = time.monotonic() - started
    failed = sum(one["failed"] for one in told)
    waits_ms = sorted(wait for one in told for wait in one["waits_ms"])
    found = (
        f"{len(waits_ms)} transactions of {WRITERS} processes in {took_s:.1f} s, {failed} locked; "
        f"p50 {statistics.median(waits_ms):.1f} ms, p99 {waits_ms[int(len(waits_ms) * 0.99)]:.0f} ms, "
        f"max {waits_ms[-1]:.0f} ms"
    )
    return Figure("writers on SQLite", found, "0 locked", failed == 0 and len(waits_ms) == TRANSACTIONS)


@dataclass
class Load:
    """Callers who ask for decisions all the time, over connections of their own."""

    url: str
    is_over: threading.Event = field(default_factory=threading.Event)
    answers: list[tuple[float, int]] = field(default_factory=list)

    def run(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False) as client:
            while not self.is_over.wait(0.02):
                try:
                    status = client.post("/api/v1/decisions", json=REQUEST).status_code
                except httpx.TransportError:
                    status = 0
                self.answers.append((time.monotonic(), status))


def measure_postgresql_restart(topology: Topology) -> Figure:
    # A token each: one alone would meet its limit of decisions per minute.
    tokens = [topology.manage("api_token", "--name", f"bench {one}", "--scope", "decide") for one in range(CALLERS)]
    load = Load(topology.url)
    callers = [threading.Thread(target=load.run, args=(token,), daemon=True) for token in tokens]
    for caller in callers:
        caller.start()
    time.sleep(3)
    topology.postgresql.stop(signal.SIGQUIT)
    time.sleep(AWAY_S)
    topology.postgresql.start()
    back_at = time.monotonic()
    time.sleep(LOAD_S - 3 - AWAY_S)
    load.is_over.set()
    for caller in callers:
        caller.join(25)
    statuses = Counter(status for _, status in load.answers)
    last_failure = max((at for at, status in load.answers if status != 200), default=back_at)
    anew = sum(member.starts - 1 for member in topology.members.values())
    found = (
        f"answers {dict(sorted(statuses.items()))}; away {AWAY_S:.0f} s, "
        f"all answers good {max(0.0, last_failure - back_at):.1f} s after it was back; processes started anew: {anew}"
    )
    is_met = set(statuses) == {200, 503} and load.answers[-1][1] == 200 and anew == 0
    return Figure("PostgreSQL restart under load", found, "no 500, recovers by itself", is_met)


def measure_killed_worker(folder: Path) -> Figure:
    took_s = seconds_until_done(folder)
    return Figure("killed worker's task", f"done by another one after {took_s:.1f} s", "under 15 s", took_s < 15)


def measure_embedded_memory(folder: Path) -> Figure:
    """Resident memory of `up`'s whole tree at its highest, start included. Shared pages count in each process."""
    peak = Peak()
    peak.start()
    portal = start_portal(folder)
    try:
        with httpx.Client(base_url=portal.url, timeout=20, trust_env=False) as client:
            for path in ("/sign-in", "/readyz", "/api/v1/schema", "/static/css/base.css") * 25:
                client.get(path)
        # A beat of the schedule is in it.
        time.sleep(16)
    finally:
        peak.is_over.set()
        portal.stop()
        kill_quietly(portal.process)
    found = f"peak {peak.resident_mb:.0f} MB resident, {peak.shared_once_mb:.0f} MB with shared pages counted once"
    return Figure("memory of `up`", found, "under 450 MB", 0 < peak.resident_mb < 450)


@dataclass
class Peak:
    resident_mb: float = 0
    shared_once_mb: float = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        """All that descends from this process: nothing else runs beside this measurement."""
        while not self.is_over.wait(0.1):
            sizes = [memory_of(pid) for pid in tree_of(os.getpid())[1:]]
            self.resident_mb = max(self.resident_mb, sum(size["Rss"] for size in sizes) / 1024)
            self.shared_once_mb = max(self.shared_once_mb, sum(size["Pss"] for size in sizes) / 1024)


def tree_of(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in tree_of(int(child)))]


def memory_of(pid: int) -> dict[str, int]:
    """Rss and Pss in KiB; zeros for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        lines = []
    found = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("Rss:", "Pss:"))}
    return {"Rss": 0, "Pss": 0} | found


def measure_all(folder: Path) -> list[Figure]:
    def with_topology() -> Figure:
        with running_topology() as topology:
            return measure_postgresql_restart(topology)

    measurements: list[Callable[[], Figure]] = [
        lambda: measure_sqlite_writers(folder / "writers"),
        with_topology,
        lambda: measure_killed_worker(folder / "worker"),
        lambda: measure_embedded_memory(folder / "up"),
    ]
    figures = []
    for measure in measurements:
        figures.append(measure())
        print(figures[-1].name, "|", figures[-1].found, "|", figures[-1].target, flush=True)
    return figures


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kirikae-bench-") as name:
        for part in ("writers", "worker", "up"):
            Path(name, part).mkdir(mode=0o700)
        figures = measure_all(Path(name))
    missed = [figure.name for figure in figures if not figure.is_met]
    if missed:
        sys.exit(f"missed: {', '.join(missed)} (load of this machine: {os.getloadavg()[0]:.1f})")


if __name__ == "__main__":
    main()
