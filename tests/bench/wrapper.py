"""`.ci/bench wrapper`: from the start of the process to the start of the client, with 1,000 rules; and the service.

Each round runs every way once, so that a busy machine is busy for all of them. The client is a shell that says one
byte into a pipe; a guard is timed to its end. The project is a folder outside git: git's own calls are measured apart,
in a row of their own.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kirikae.home import Enrolment, Home
from kirikae.policy.bundle_store import accept_bundle

from tests.agent.portal import Portal, payload_of
from tests.agent.running_service import running_service
from tests.agent.standin import standin
from tests.bench.rule_workload import make_rules, policy_sections

ROUNDS, RULES = 41, 1000
RESIDENT_MS, ALONE_MS = 25.0, 60.0
RESIDENT_MB, RESIDENT_PERCENT = 40.0, 0.1
WATCHED_HEARTBEATS = 6
# A shell may name only files below ten.
PIPE = 9
TASK = "architecture-design"


@dataclass
class Way:
    """Milliseconds by the clock until the client speaks, and of processor time of the wrapper's own process."""

    name: str
    command: list[str]
    home: str
    folder: Path
    # On standard input; its end stands for the word of a client.
    event: bytes | None = None
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def run(self, environment: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        os.dup2(writing, PIPE, inheritable=True)
        os.close(writing)
        before = processor_ms_of_children()
        started = time.perf_counter()
        process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**environment, "KIRIKAE_HOME": self.home},
            pass_fds=(PIPE,),
            stdin=subprocess.DEVNULL if self.event is None else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(PIPE)
        if process.stdin is not None:
            process.stdin.write(self.event or b"")
            process.stdin.close()
        spoke = os.read(reading, 1)
        self.wall_ms.append((time.perf_counter() - started) * 1000)
        os.close(reading)
        code = process.wait(30)
        self.cpu_ms.append(processor_ms_of_children() - before)
        if code != 0 or spoke != (b"k" if self.event is None else b""):
            raise SystemExit(f"{self.name}: not what was asked for")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="kirikae-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        rules = policy_sections(make_rules(RULES))["privacy_rules"]
        portal = Portal(payload=payload_of(unclassified=OPEN, privacy_rules=rules))
        url = stack.enter_context(standin(portal))
        resident, alone = (enrolled(folder / place, portal, url) for place in ("resident", "alone"))
        ways = make_ways(folder, resident=resident, alone=alone, url=url)
        environment = os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "KIRIKAE_LANG": "en"}
        service = stack.enter_context(running_service(resident))
        for way in ways * 2:
            way.run(environment)
        for way in ways:
            way.wall_ms.clear()
            way.cpu_ms.clear()
        for _ in range(ROUNDS):
            for way in ways:
                way.run(environment)
        is_met = tell_ways(ways)
        return 0 if tell_service(service.pid, portal) and is_met else 1


OPEN = {"identified": "cloud_ok", "anonymous": "cloud_ok"}


def enrolled(path: Path, portal: Portal, url: str) -> Home:
    home = Home(path)
    home.prepare()
    enrolment = Enrolment(url, machine="m_1", name="bench", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=datetime.now(UTC))
    return home


def make_ways(folder: Path, *, resident: Home, alone: Home, url: str) -> list[Way]:
    client = folder / "bin" / "claude"
    client.parent.mkdir()
    client.write_text(f"#!/bin/sh\nprintf k >&{PIPE}\n")
    client.chmod(0o755)
    outside, inside = folder / "outside", folder / "inside"
    outside.mkdir()
    git = shutil.which("git") or "git"
    subprocess.run([git, "init", "-q", str(inside)], check=True)
    subprocess.run([git, "-C", str(inside), "remote", "add", "origin", "https://example.net/a/b.git"], check=True)
    author = ["-c", "user.name=Ben", "-c", "user.email=ben@example.org"]
    subprocess.run([git, "-C", str(inside), *author, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    run = [str(Path(sys.executable).with_name("kirikae")), "run", "--task", TASK, "--", "claude"]
    guard = [sys.executable, "-I", "-m", "kirikae", "guard"]
    prompt = {"hook_event_name": "UserPromptSubmit", "session_id": "1", "cwd": str(outside), "prompt": "Say hello."}
    event = json.dumps(prompt).encode()
    speak = f"import os; os.write({PIPE}, b'k')"
    ask = f"curl -s -o /dev/null {url}/api/v1/decide?task={TASK}; exec claude"
    calls = "git rev-parse --is-shallow-repository; git config --list -z --includes; exec claude"
    return [
        Way("bare python", [sys.executable, "-c", speak], "", outside),
        Way("sh + curl to a portal", ["sh", "-c", ask], "", outside),
        Way("resident agent", run, str(resident.path), outside),
        Way("alone", run, str(alone.path), outside),
        Way("resident agent, in git", run, str(resident.path), inside),
        Way("alone, in git", run, str(alone.path), inside),
        Way("sh + the same git calls", ["sh", "-c", calls], "", inside),
        Way("guard by the resident", guard, str(resident.path), outside, event),
        Way("guard alone", guard, str(alone.path), outside, event),
    ]


def tell_ways(ways: list[Way]) -> bool:
    print(f"process start to client start, {RULES} rules, {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}")
    bare = statistics.median(ways[0].wall_ms)
    is_met = True
    for way in ways:
        middle, low = statistics.median(way.wall_ms), min(way.wall_ms)
        target = {"resident agent": RESIDENT_MS, "alone": ALONE_MS}.get(way.name)
        verdict = "" if target is None else f"  target +{target:.0f}: {'met' if middle - bare <= target else 'MISSED'}"
        is_met = is_met and (target is None or middle - bare <= target)
        print(
            f"  {way.name:24} median {middle:6.1f} ms ({middle - bare:+6.1f})  best {low:6.1f}"
            f"  processor {statistics.median(way.cpu_ms):6.1f} ms{verdict}"
        )
    return is_met


def tell_service(pid: int, portal: Portal) -> bool:
    """Processor time with that of its forks, per heartbeat as the stand-in asks for them, told for one a minute."""
    count = len(portal.bodies("/api/v1/heartbeats"))
    before, started = processor_ms(pid), time.monotonic()
    wait_for_heartbeats(portal, count + WATCHED_HEARTBEATS)
    per_heartbeat_ms = (processor_ms(pid) - before) / WATCHED_HEARTBEATS
    percent = per_heartbeat_ms / 60_000 * 100
    memory_mb = resident_mb(pid)
    is_met = memory_mb <= RESIDENT_MB and percent <= RESIDENT_PERCENT
    print(
        f"service: {memory_mb:.1f} MB resident (target {RESIDENT_MB:.0f}), {per_heartbeat_ms:.0f} ms of processor time "
        f"per heartbeat = {percent:.3f} % of one at one a minute (target {RESIDENT_PERCENT}), "
        f"seen for {time.monotonic() - started:.0f} s: {'met' if is_met else 'MISSED'}"
    )
    return is_met


def wait_for_heartbeats(portal: Portal, count: int) -> None:
    until = time.monotonic() + 120
    while len(portal.bodies("/api/v1/heartbeats")) < count:
        if time.monotonic() > until:
            raise SystemExit("the service sent too few heartbeats")
        time.sleep(0.2)


def processor_ms_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def processor_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") * 1000


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())
