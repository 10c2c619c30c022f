"""The golden decisions through `kirikae ask --json`: the engine's answer to the byte, in its canonical part.

Many run in this process with the case's signals and facts put in where the agent collects its own; some run as a real
process in real repositories, and are decided again here from what the agent's own collectors find.
"""

import json
import subprocess
import sys
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import kirikae.answering.deciding
import pytest
import time_machine
from kirikae.cli import main
from kirikae.collect import facts_reader
from kirikae.collect.report import collect_report
from kirikae.home import Enrolment, Home
from kirikae.moments import now, write_moment
from kirikae.policy.bundle_store import accept_bundle
from kirikae.signals.projects import collect_projects

from routing.engine import wire
from routing.engine.decide import decide
from routing.engine.facts import Situation, facts_of, report_from_document
from tests.agent.conftest import Git, enter
from tests.agent.portal import Portal
from tests.agent.running_service import PATIENCE_S, PATIENT
from tests.golden.run import Worlds, read_cases

pytestmark = pytest.mark.slow

WORLDS = Worlds("routing.engine")
MACHINE = "m_golden"
# What the command line cannot say: it asks for this machine, and the launcher alone knows deadlines and sessions.
UNSAID = {"deadline_s", "session", "machine"}


def policy_name(case: dict[str, Any]) -> str:
    return str(case["policy"])


def is_sayable(case: dict[str, Any]) -> bool:
    request = case["request"]
    is_own_mac = case["facts"] is not None and not {"facts_age_s", "machine_state"} & set(case)
    return is_own_mac and not UNSAID & set(request) and request.get("client") is not None


CASES = [case for case in read_cases() if is_sayable(case)]
POLICIES = {name: list(cases) for name, cases in groupby(sorted(CASES, key=policy_name), key=policy_name)}


def take_in(home: Home, policy: str) -> None:
    """The policy's bundle, verified as it would be when it comes from the portal."""
    portal = Portal(payload=WORLDS.payload(policy))
    enrolment = Enrolment("http://127.0.0.1:9", machine=MACHINE, name="golden", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=WORLDS.now)


def arguments_of(request: dict[str, Any]) -> list[str]:
    client = request["client"]
    words = ["ask", request["task"], "--json", "--client", client if isinstance(client, str) else client["name"]]
    for name in ("context_tokens", "parallel_agents"):
        if name in request:
            words += [f"--{name.replace('_', '-')}", str(request[name])]
    if request.get("needs"):
        words += ["--needs", ",".join(request["needs"])]
    return words + (["--offline"] if request.get("offline") else [])


def asked_by_cli(case: dict[str, Any]) -> dict[str, Any]:
    """The case as the command line asks it: for its own machine, in print mode."""
    client = case["request"]["client"]
    name = client if isinstance(client, str) else client["name"]
    return case | {"request": case["request"] | {"client": {"name": name, "mode": "print"}, "machine": MACHINE}}


@pytest.mark.parametrize("policy", POLICIES)
def test_command_gives_the_golden_answers(
    policy: str, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case: dict[str, Any] = {}
    monkeypatch.setattr(
        kirikae.answering.deciding, "collect_projects", lambda _home, _folders, **_: case["request"]["projects"]
    )
    monkeypatch.setattr(
        facts_reader, "collect_report", lambda _home, **_: WORLDS.facts_document(case["facts"])["report"]
    )
    with time_machine.travel(WORLDS.now, tick=False):
        take_in(home, policy)
        for case in POLICIES[policy]:
            home.write_json("benchmarks.json", {"benchmarks": WORLDS.facts_document(case["facts"])["benchmarks"]})
            age = timedelta(days=2) if case.get("policy_state") == "expired" else timedelta()
            seen = home.read_json("seen.json")
            home.write_json("seen.json", seen | {"checked_at": write_moment(WORLDS.now - age)})
            code = main(arguments_of(case["request"]))
            answer = json.loads(capsys.readouterr().out)
            expected = WORLDS.answer(asked_by_cli(case))
            assert wire.canonical_answer(answer) == wire.canonical_answer(expected), case["name"]
            assert code == (3 if expected["backend"] == "none" else 0), case["name"]


def test_nearly_all_golden_cases_can_be_asked_on_the_command_line() -> None:
    assert len(CASES) > 0.9 * len(read_cases())
    assert any(case.get("policy_state") == "expired" for case in CASES)


PROCESSES = [
    ("team", "architecture-design", "git@github.com:acme/app.git"),
    ("team", "architecture-design", "git@github.com:hoshizora/site.git"),
    ("team", "commit-message", "https://gitlab.com/someone/else.git"),
    ("closed", "bulk-transform", "ssh://git@ssh.github.com:443/hoshizora/site"),
    ("excepted", "technical-docs", "https://github.com/acme/public-sdk"),
    ("blocked", "multi-file-edit", "git@github.com:acme/app.git"),
]


@pytest.mark.parametrize(("policy", "task", "remote"), PROCESSES)
def test_real_process_answers_as_the_engine_does(
    policy: str, task: str, remote: str, *, home: Home, runtime_url: str, git: Git, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    take_in(home, policy)
    folder = enter(git, tmp_path / "work" / "it", remote, monkeypatch)

    command = [sys.executable, "-c", PATIENT, "ask", task, "--json", "--mode", "tui"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    answer = json.loads(done.stdout)
    assert wire.canonical_answer(answer) == wire.canonical_answer(decided_here(home, policy, task, folder, answer))
    assert done.returncode == (3 if answer["backend"] == "none" else 0)
    assert any(one["model"] for one in [answer, *answer["alternatives"]]) or policy == "blocked"


def decided_here(home: Home, policy: str, task: str, folder: Path, answer: dict[str, Any]) -> dict[str, Any]:
    """By the portal's engine, from the signals and facts that the agent's collectors find in this process."""
    request = {
        "task": task, "projects": collect_projects(home, [folder]),
        "client": {"name": "claude", "mode": "tui"}, "machine": MACHINE,
    }  # fmt: skip
    state = answer["policy"]["state"]
    known = facts_of(report_from_document(collect_report(home, budget_s=PATIENCE_S)), (), machine=MACHINE)
    situation = Situation(now=max(now(), WORLDS.now), policy_state=state, facts_age_s=0)
    decided = decide(
        wire.request_from_document(request), bundle=WORLDS.bundle(policy), facts=known, situation=situation
    )
    envelope = wire.Envelope(
        id="", valid_until=WORLDS.now, decided_by="portal", policy_age_s=0, policy_state=state, facts_age_s=0,
        facts_source="portal",
    )  # fmt: skip
    return wire.answer_document(decided, envelope, language="en")
