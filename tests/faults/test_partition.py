"""The line between the portal and its Macs is cut, and answers get lost on it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.proxy import Mode, Proxy, running_proxy
from tests.faults.site import Site
from tests.killed_worker import wait_until
from tests.running import portal_environment

pytestmark = pytest.mark.e2e


@dataclass
class Laptop:
    """An enrolled agent that reaches the portal over a line that can be cut, and a checkout beside it."""

    folder: Path
    line: Proxy

    def kirikae(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = portal_environment(
            KIRIKAE_HOME=str(self.folder / "home"),
            PATH=os.pathsep.join((str(self.folder / "bin"), os.environ["PATH"])),
        )
        return subprocess.run(
            [sys.executable, "-m", "kirikae.cli", *arguments],
            cwd=self.folder / "site",
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def laptop(site: Site, tmp_path: Path) -> Iterator[Laptop]:
    (tmp_path / "bin").mkdir()
    client = tmp_path / "bin" / "claude"
    client.write_text("#!/bin/sh\necho 'claude here'\n")
    client.chmod(0o755)
    subprocess.run(["git", "init", "-q", str(tmp_path / "site")], check=True)
    remote = "git@github.com:example/site.git"
    subprocess.run(["git", "-C", str(tmp_path / "site"), "remote", "add", "origin", remote], check=True)
    with running_proxy(lambda: socket.create_connection(("127.0.0.1", site.port))) as line:
        laptop = Laptop(tmp_path, line)
        key = site.manage("join_key")
        enrolled = laptop.kirikae("enrol", f"http://127.0.0.1:{line.port}", "--join-key", key, "--name", "laptop")
        assert enrolled.returncode == 0, enrolled.stderr
        yield laptop


@pytest.mark.fault(
    24,
    "the line between the portal and a site is cut, and later loses answers",
    "agents decide from their bundle; what they did arrives later, once; forty silent Macs are one incident",
)
def test_behind_a_cut_line_agents_decide_and_their_log_arrives_once(
    site: Site, laptop: Laptop, measured: Callable[[str], None]
) -> None:
    before = site.one("select count(*) from routing_receipt")
    laptop.line.turn(Mode.AWAY)

    asked = laptop.kirikae("ask", "architecture-design", "--json")
    assert json.loads(asked.stdout)["backend"] == "cloud", asked.stderr
    ran = laptop.kirikae("run", "--task", "architecture-design", "--", "claude", "-p", "hello")
    assert "claude here" in ran.stdout, ran.stderr
    written = len(list((laptop.folder / "home" / "receipts").glob("*.json")))
    assert written > 0

    laptop.line.turn(Mode.CUT)
    laptop.kirikae("sync")
    laptop.line.turn(Mode.PASS)
    synced = laptop.kirikae("sync")
    assert synced.returncode == 0, synced.stderr

    assert site.one("select count(*) from routing_receipt") == before + written
    assert site.one("select count(*) from routing_decision where decided_by = 'agent' and recheck = 'mismatch'") == 0
    assert not list((laptop.folder / "home" / "receipts").glob("*.json"))
    measured(f"{written} receipts, sent twice, stored once")
    assert_one_incident_for_many(site)


FALL_SILENT = """
from datetime import timedelta
from django.utils import timezone
from machines.health.models import Health, Watch
from machines.models import Machine
from tests.machines.conftest import join
now = timezone.now()
# Before they join: an evaluation under way keeps to the watch that it has read.
Watch.objects.update(listening_since=now - timedelta(hours=1), listened_at=now)
ids = [join(f"office-{number}")[0].pk for number in range(40)]
Machine.objects.filter(pk__in=ids).update(state="online")
Health.objects.filter(pk__in=ids).update(seen_at=now - timedelta(minutes=10), due_at=now - timedelta(minutes=1))
"""


def assert_one_incident_for_many(site: Site) -> None:
    site.run_inside(FALL_SILENT)

    wait_until(lambda: site.one("select count(*) from incidents_part where label like 'office-%'") == 40, within_s=40)

    incidents = "select count(distinct incident_id) from incidents_part where label like 'office-%'"
    assert site.one(incidents) == 1
