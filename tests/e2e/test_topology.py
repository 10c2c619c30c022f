"""The main job against a team's installation, while one of each kind of process is killed or restarted."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from kirikae.home import Home
from kirikae.signals.projects import collect_projects

from portal.processes.precedence import STEPS_BEHIND
from tests.killed_worker import wait_until
from tests.running import portal_environment
from tests.topology import Topology, running_topology

pytestmark = pytest.mark.e2e

BACK_WITHIN_S = 45
RULE = {"id": "nda-acme", "effect": "local_only", "match": {"remotes": ["github.com/acme/**"]}}
POLICY = {
    "version": 1,
    "unclassified": {"identified": "cloud_ok", "anonymous": "local_only"},
    "privacy_rules": [RULE],
}


@dataclass
class Team:
    """One installation, one enrolled machine, one project under NDA and the answers it got."""

    topology: Topology
    home: Home
    checkout: Path
    token: str
    statuses: list[int] = field(default_factory=list)
    cut: int = 0

    def kirikae(self, *arguments: str) -> str:
        environment = portal_environment(KIRIKAE_HOME=str(self.home.path))
        command = [sys.executable, "-m", "kirikae.cli", *arguments]
        done = subprocess.run(
            command, cwd=self.checkout, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def decide(self) -> dict[str, object] | None:
        """The answer; None when there was none. A connection of its own each time, so both web processes are asked."""
        request = {
            "task": "architecture-design",
            "projects": collect_projects(self.home, [self.checkout]),
            "client": {"name": "claude", "mode": "print"},
            "machine": self.home.get_enrolment().machine,
        }
        try:
            answer = httpx.post(
                f"{self.topology.url}/api/v1/decisions",
                json=request,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=15,
            )
        except httpx.TransportError:
            self.cut += 1  # it was being answered by the process that was killed
            return None
        if answer.status_code == 502:
            self.cut += 1  # the same, as the proxy tells it
            return None
        self.statuses.append(answer.status_code)
        return dict(answer.json()) if answer.status_code == 200 else None

    def is_refused_to_the_cloud(self) -> bool:
        answer = self.decide()
        return answer is not None and answer["backend"] != "cloud"

    def go_on(self, event: str, *, times: int = 20) -> None:
        """Decisions go on and scheduled work is done again after the event."""
        begun = time.monotonic()
        self.statuses.clear()
        self.cut = 0
        answers = [self.decide() for _ in range(times)]
        assert all(answer["backend"] != "cloud" for answer in answers if answer)
        wait_until(lambda: self.worker_seen_s_ago() < time.monotonic() - begun, within_s=BACK_WITHIN_S)
        wait_until(self.is_refused_to_the_cloud, within_s=BACK_WITHIN_S)
        counts = {status: self.statuses.count(status) for status in sorted(set(self.statuses))}
        back_s = time.monotonic() - begun
        self.topology.tell(f"{event}: answers {counts}, cut off {self.cut}; all work again after {back_s:.1f} s")

    def worker_seen_s_ago(self) -> float:
        try:
            checks = httpx.get(f"{self.topology.url}/readyz", timeout=15).json()["checks"]
        except httpx.TransportError:
            return float("inf")
        found = re.search(r"seen (\d+) s ago", str(checks.get("worker", {}).get("detail")))
        return float(found[1]) if found else float("inf")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    checkout = folder / "falcon"
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)
    remote = "git@github.com:acme/falcon.git"
    subprocess.run(["git", "-C", str(checkout), "remote", "add", "origin", remote], check=True)
    with running_topology() as topology:
        token = topology.manage("api_token", "--name", "test", "--scope", "decide")
        team = Team(topology, Home(folder / "home"), checkout, token)
        team.kirikae("enrol", topology.url, "--join-key", topology.manage("join_key"), "--name", "ben-mini")
        topology.tell("ben-mini enrolled by a join key and reported")
        yield team


def test_workers_stand_behind_the_web_processes(team: Team) -> None:
    web, *workers = (team.topology.members[name].pid for name in ("web-1", "worker-1", "worker-2"))

    steps = [os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, web) for pid in workers]

    assert steps == [STEPS_BEHIND, STEPS_BEHIND]


def test_the_entrance_lets_in_agents_alone(team: Team) -> None:
    entrance = f"http://127.0.0.1:{team.topology.agents_port}"
    answers = [httpx.get(f"{entrance}{path}", timeout=15) for path in ("/", "/readyz", "/api/v1/machines", "/sign-in/")]
    heartbeat = httpx.post(
        f"{entrance}/api/v1/heartbeats",
        json={"state": None},
        headers={"Authorization": f"Bearer {team.home.get_token()}"},
        timeout=15,
    )

    assert [answer.status_code for answer in answers] == [404] * 4
    assert heartbeat.json()["agents_port"] == team.topology.agents_port


def test_main_job_goes_on_whatever_is_killed(team: Team, tmp_path: Path) -> None:
    topology = team.topology
    before = team.decide()
    (tmp_path / "policy.yaml").write_text(json.dumps(POLICY))
    topology.manage("policy", "import", str(tmp_path / "policy.yaml"), "--publish")
    after = team.decide()
    assert before is not None
    assert after is not None
    topology.tell(f"falcon: {before['backend']} before the rule, {after['backend'] or 'refused'} after it")
    assert before["backend"] == "cloud"
    assert after["backend"] != "cloud"

    for name in ("web-1", "intake", "worker-1", "beat"):
        topology.kill(name)
        # While there is no intake, the proxy takes reports to the web processes; the command fails when one is refused.
        team.kirikae("report")
        team.go_on(f"after the kill of {name}")
        assert set(team.statuses) == {200}
        wait_until(lambda name=name: topology.members[name].starts == 2, within_s=10)  # type: ignore[misc]

    topology.tell("restart of Valkey")
    topology.valkey.stop()
    assert team.is_refused_to_the_cloud()
    topology.valkey.start()
    team.go_on("after the restart of Valkey")
    assert set(team.statuses) == {200}

    topology.tell("restart of PostgreSQL, 3 s away")
    topology.postgresql.stop(signal.SIGQUIT)
    begun = time.monotonic()
    team.statuses.clear()
    while time.monotonic() - begun < 3:
        assert not team.decide()
    assert set(team.statuses) == {503}
    topology.tell(f"while PostgreSQL is away: {team.statuses.count(503)} times 503, nothing else")
    topology.postgresql.start()
    team.go_on("after the restart of PostgreSQL")
    assert set(team.statuses) <= {200, 503}
    assert [member.starts for member in topology.members.values()] == [2, 1, 2, 2, 1, 2]
