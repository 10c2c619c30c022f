"""The main path with everything real: a portal process, the agent's own processes, and llama-server.

Named after the steps in which a newcomer meets them: enrol (3), report (4), publish a rule (5), the same answer (6).
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from kirikae.engine.wire import canonical_answer
from kirikae.home import Home
from kirikae.signals.projects import collect_projects

from tests.running import RunningPortal, kill_quietly, portal_environment, start_portal
from tests.runtimes.llama_server import LlamaServer, running_llama_server
from tests.runtimes.tiny_gguf import write_tiny_gguf

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
KIRIKAE = (sys.executable, "-m", "kirikae.cli")
CLIENT = Path(__file__).with_name("small_client.py")
OWNER = {
    "language": "en",
    "organisation": "Hoshizora Works",
    "name": "Aiko",
    "email": "aiko@example.org",
    "password": "correct horse battery staple",
    "has_nda": "no",
    "open_remotes": "",
}


@dataclass
class World:
    """One portal, one runtime, one enrolled machine and one checkout."""

    portal: RunningPortal
    runtime: LlamaServer
    home: Home
    checkout: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def environment(self, home: Home) -> dict[str, str]:
        return portal_environment(
            KIRIKAE_HOME=str(home.path),
            KIRIKAE_RUNTIMES=self.runtime.base_url,
            PWD=str(self.checkout),
        )

    def kirikae(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*KIRIKAE, *arguments],
            cwd=self.checkout,
            env=self.environment(self.home),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def manage(self, *arguments: str) -> str:
        environment = portal_environment(KIRIKAE_DATA_DIR=str(self.portal.data_dir))
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def token(self, scope: str) -> str:
        if scope not in self.tokens:
            self.tokens[scope] = self.manage("api_token", "--name", f"test {scope}", "--scope", scope)
        return self.tokens[scope]

    def curl(self, program: str, document: object) -> str:
        """The answer as curl prints it. The token comes on standard input: arguments can be seen by others."""
        url = f"{self.portal.url}/api/v1/decisions"
        config = f'header = "Authorization: Bearer {self.token("decide")}"\nheader = "Content-Type: application/json"\n'
        command = [program, "-sS", "--fail", "--config", "-", "--data-raw", json.dumps(document), url]
        done = subprocess.run(command, input=config, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def api(self, method: str, path: str, *, scope: str, document: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token(scope)}"}
        answer = httpx.request(method, f"{self.portal.url}{path}", json=document, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def request(self, task: str) -> dict[str, object]:
        return {
            "task": task,
            "projects": collect_projects(self.home, [self.checkout]),
            "client": {"name": "claude", "mode": "print"},
            "machine": self.home.get_enrolment().machine,
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    model = folder / "tiny.gguf"
    write_tiny_gguf(model)
    portal = start_portal(folder / "data")
    try:
        with running_llama_server(model) as runtime:
            checkout = make_checkout(folder / "checkout", remote="git@github.com:example/site.git")
            world = World(portal, runtime, Home(folder / "home"), checkout)
            enrolled = world.kirikae("enrol", portal.url, "--join-key", world.manage("join_key"), "--name", "ben-mini")
            assert enrolled.returncode == 0, enrolled.stderr
            yield world
    finally:
        if portal.process.poll() is None:
            portal.stop(signal.SIGINT)
        kill_quietly(portal.process)


def make_checkout(folder: Path, *, remote: str) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", remote], check=True)
    return folder


def canonical(text: str) -> bytes:
    return canonical_answer(json.loads(text))


def test_step_3_a_join_key_registers_the_machine_with_its_hardware(world: World) -> None:
    machines = world.api("GET", "/api/v1/machines", scope="read")["results"]
    (machine,) = [machine for machine in machines if machine["name"] == "ben-mini"]

    assert machine["id"] == world.home.get_enrolment().machine
    assert machine["memory_bytes"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert machine["state"] == "online"


def test_step_3_the_owner_approves_the_code_that_the_agent_shows(world: World, tmp_path: Path) -> None:
    with httpx.Client(base_url=world.portal.url, timeout=10, follow_redirects=True) as browser:
        submit(browser, world.portal.setup_url, OWNER)
        command = [*KIRIKAE, "enrol", world.portal.url, "--name", "aiko-book"]
        agent = subprocess.Popen(command, env=world.environment(Home(tmp_path)), stdout=subprocess.PIPE, text=True)
        try:
            assert agent.stdout is not None
            asking = agent.stdout.readline() + agent.stdout.readline()
            approve_url = re.search(r"http\S+", asking)
            assert approve_url, asking
            page = browser.get(approve_url[0])
            assert "aiko-book" in page.text
            action = re.search(r'action="(/machines/add/\S+)"', page.text)
            assert action, page.text
            submit(browser, action[1], {"approve": "1"})
            rest, _ = agent.communicate(timeout=30)
        finally:
            kill_quietly(agent)

    assert "Enrolled as aiko-book" in rest
    assert "Policy revision" in rest


def submit(browser: httpx.Client, url: str, fields: dict[str, str]) -> None:
    """Posts a form as a browser does, with the token of its page."""
    if "csrftoken" not in browser.cookies:
        browser.get(url)
    token = browser.cookies["csrftoken"]
    answer = browser.post(url, data=fields | {"csrfmiddlewaretoken": token}, headers={"Referer": str(browser.base_url)})
    assert answer.status_code == 200, answer.text


def test_step_4_the_report_names_the_real_runtime_and_a_benchmark_follows(world: World) -> None:
    measured = world.kirikae("bench", "--depth", "512")
    assert measured.returncode == 0, measured.stderr

    machine = world.api("GET", f"/api/v1/machines/{world.home.get_enrolment().machine}", scope="read")

    runtime = next(runtime for runtime in machine["runtimes"] if runtime["base_url"] == world.runtime.base_url)
    assert (runtime["kind"], runtime["state"]) == ("llama_cpp", "up")
    assert [model["name"] for model in runtime["models"]] == ["tiny"]
    assert {(one["model"], one["method"]) for one in machine["benchmarks"]} == {("tiny", "kirikae-4")}
    assert {one["depth_tokens"] for one in machine["benchmarks"]} == {512}

    # A random model calls no tool, and the portal knows it now; the next steps need one of which nobody knows.
    (world.home.path / "checks.json").unlink()
    assert world.kirikae("report").returncode == 0


def test_step_5_a_published_rule_is_obeyed_by_the_next_decision(world: World, tmp_path: Path) -> None:
    secret = make_checkout(tmp_path / "falcon", remote="git@github.com:acme/falcon.git")
    request = world.request("architecture-design") | {"projects": collect_projects(world.home, [secret])}
    before = world.api("POST", "/api/v1/decisions", scope="decide", document=request)
    rule = {"id": "nda-acme", "effect": "local_only", "match": {"remotes": ["github.com/acme/**"]}}
    unclassified = {"identified": "cloud_ok", "anonymous": "local_only"}
    policy = {"version": 1, "unclassified": unclassified, "privacy_rules": [rule]}
    (tmp_path / "policy.yaml").write_text(json.dumps(policy))

    world.manage("policy", "import", str(tmp_path / "policy.yaml"), "--publish")

    after = world.api("POST", "/api/v1/decisions", scope="decide", document=request)
    assert (before["backend"], after["backend"]) == ("cloud", "local")
    assert after["privacy"]["rules"] == ["nda-acme"]
    assert "is in force" in world.kirikae("sync").stdout
    asked = json.loads(world.kirikae("ask", "architecture-design", "--project", str(secret), "--json").stdout)
    assert (asked["backend"], asked["privacy"]["rules"]) == ("local", ["nda-acme"]), asked["reasons"]


@pytest.mark.parametrize("task", ["commit-message", "architecture-design", "confidential-code"])
def test_step_6_curl_ask_and_dry_run_give_the_same_answer(
    world: World, task: str, needs_program: Callable[[str], str]
) -> None:
    by_curl = world.curl(needs_program("curl"), world.request(task))
    by_ask = world.kirikae("ask", task, "--json")
    by_run = world.kirikae("run", "--task", task, "--dry-run", "--", "claude", "-p", "hi")

    assert by_ask.returncode == 0, by_ask.stderr
    assert canonical(by_ask.stdout) == canonical(by_curl)
    assert canonical(by_run.stdout) == canonical(by_curl)


def test_step_6_a_launched_client_gets_its_answer_from_the_local_runtime_and_the_receipt_arrives(world: World) -> None:
    done = launch_own_client(world, "say", "something")

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["backend"], answer["model"]) == ("local", "tiny")
    assert answer["content"][0]["text"]
    # One of the start and one of the end.
    assert "Receipts sent: 2." in world.kirikae("sync").stdout


def launch_own_client(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    """A program that nobody has proven, so somebody answers for it."""
    client = [sys.executable, str(CLIENT), *words]
    return world.kirikae("run", "--task", "confidential-code", "--allow", sys.executable, "--", *client)


# The last one: it stops the portal.
def test_step_6_with_the_portal_stopped_the_answers_stay_the_same(world: World) -> None:
    online = {task: world.kirikae("ask", task, "--json").stdout for task in ("commit-message", "confidential-code")}
    world.portal.stop(signal.SIGTERM)

    for task, answer in online.items():
        assert canonical(world.kirikae("ask", task, "--json").stdout) == canonical(answer)
        dry_run = world.kirikae("run", "--task", task, "--dry-run", "--", "claude", "-p", "hi")
        assert canonical(dry_run.stdout) == canonical(answer)
    launched = launch_own_client(world, "still", "there")
    assert json.loads(launched.stdout)["backend"] == "local"
