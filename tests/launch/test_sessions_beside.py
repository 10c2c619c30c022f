"""Cloud sessions before, after and beside protected work: what of it they can reach."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from routing.managed_settings import EMPTIED
from tests.launch import file_server
from tests.launch.scenarios import CLOUD_PORT, LOCAL_PORT, SECRET, Desk, Result

pytestmark = [pytest.mark.e2e, pytest.mark.where("namespaces")]


@pytest.fixture
def desk(tmp_path: Path, needs_program: Callable[[str], str]) -> Desk:
    needs_program("claude")
    desk = Desk(tmp_path)
    desk.use_gateway()
    return desk


def sent_to_the_cloud(result: Result) -> str:
    return json.dumps([request["body"] for request in result.cloud])


def test_a_later_plain_session_does_not_carry_the_transcript(desk: Desk) -> None:
    desk.stubs = [(LOCAL_PORT, ()), (CLOUD_PORT, ())]
    desk.launch("-p", f"remember {SECRET}")
    desk.step("claude", "-c", "-p", "what did I say?")
    desk.step("claude", "-p", "anything")

    result = desk.play()

    assert SECRET in json.dumps([request["body"] for request in result.local])
    assert result.runs[0]["code"] == 0
    assert result.cloud
    assert SECRET not in sent_to_the_cloud(result)
    assert desk.files_with(SECRET) == []
    assert (result.names, result.outside) == ([], [])


def test_a_local_session_that_is_not_protected_brings_nothing_protected_into_its_history(desk: Desk) -> None:
    desk.stubs = [(LOCAL_PORT, [("Read", {"file_path": str(desk.protected / "plan.txt")})]), (CLOUD_PORT, ())]
    desk.launch("-p", "look", "--allowedTools=Read", task="template-generation", cwd=desk.open)
    desk.step("claude", "-c", "-p", "again", cwd=desk.open)

    result = desk.play()

    assert "Kirikae stopped this" in json.dumps([request["body"] for request in result.local])
    assert result.cloud
    assert SECRET not in sent_to_the_cloud(result)


def test_a_conversation_from_a_protected_folder_is_not_taken_up_elsewhere(desk: Desk) -> None:
    session = "11111111-2222-4333-8444-555555555555"
    kept = desk.home / ".claude" / "projects" / re.sub("[^A-Za-z0-9]", "-", str(desk.protected)) / f"{session}.jsonl"
    desk.stubs = [(CLOUD_PORT, ())]
    desk.step("claude", "-p", f"remember {SECRET}", "--session-id", session)
    desk.step("claude", "-p", "again", "--resume", str(kept), cwd=desk.open)
    desk.launch("-p", "again", "--resume", str(kept), task="architecture-design", cwd=desk.open)

    result = desk.play()

    assert SECRET in json.dumps(result.cloud[-1]["body"]), "the client takes it up by the name of the file"
    assert len(result.cloud) == 2
    assert "Kirikae stopped this" in result.runs[2]["out"] + result.runs[2]["err"]


def test_without_kirikae_the_same_transcript_is_carried(desk: Desk) -> None:
    """The control: the client alone sends the earlier session again."""
    desk.stubs = [(CLOUD_PORT, ())]
    desk.step("claude", "-p", f"remember {SECRET}")
    desk.step("claude", "-c", "-p", "what did I say?")

    result = desk.play()

    assert SECRET in json.dumps(result.cloud[-1]["body"]["messages"])


GUARD = {"type": "command", "command": "kirikae guard || exit 2", "timeout": 15}
GUARDED = {event: [{"hooks": [GUARD]}] for event in ("SessionStart", "UserPromptSubmit", "PreToolUse")}


def test_a_guarded_client_sends_no_prompt_from_a_protected_folder(desk: Desk) -> None:
    desk.managed = {"hooks": GUARDED}
    desk.stubs = [(CLOUD_PORT, ())]
    desk.step("claude", "-p", f"explain {SECRET}")

    result = desk.play()

    assert SECRET not in sent_to_the_cloud(result)
    assert "nda-acme" in result.runs[0]["out"] + result.runs[0]["err"]
    kinds = [json.loads(file.read_bytes())["kind"] for file in (desk.state.path / "receipts").iterdir()]
    assert kinds == ["blocked"]


@pytest.mark.parametrize("name", list(EMPTIED))
def test_a_guarded_client_is_not_freed_by_a_variable(desk: Desk, name: str) -> None:
    desk.managed = {"hooks": GUARDED, "env": EMPTIED}
    desk.write(desk.protected / ".claude" / "settings.json", {"env": {name: "/bin/true"}})
    desk.stubs = [(CLOUD_PORT, ())]
    desk.step("claude", "-p", f"explain {SECRET}")
    desk.step("claude", "-p", f"explain {SECRET}", env={name: "1"})

    result = desk.play()

    assert result.cloud == []
    assert all("nda-acme" in run["out"] + run["err"] for run in result.runs)


def test_a_guarded_client_works_in_an_open_folder_and_locally_in_a_protected_one(desk: Desk) -> None:
    desk.managed = {"hooks": GUARDED}
    desk.stubs = [(CLOUD_PORT, ()), (LOCAL_PORT, [("Read", {"file_path": str(desk.protected / "plan.txt")})])]
    desk.step("claude", "-p", "say hi", cwd=desk.open)
    desk.launch("-p", "say hi")

    result = desk.play()

    assert [run["code"] for run in result.runs] == [0, 0], result.runs
    assert "say hi" in sent_to_the_cloud(result)
    assert SECRET in json.dumps([request["body"] for request in result.local])
    assert SECRET not in sent_to_the_cloud(result)


def test_a_guarded_client_sends_no_protected_file_that_a_prompt_mentions(desk: Desk) -> None:
    desk.managed = {"hooks": GUARDED}
    desk.stubs = [(CLOUD_PORT, ())]
    (desk.open / "mine.txt").write_text("open-work\n")
    desk.step("claude", "-p", "explain @mine.txt", cwd=desk.open)
    desk.step("claude", "-p", f"explain @{desk.protected}/plan.txt", cwd=desk.open)

    sent = sent_to_the_cloud(desk.play())

    assert "open-work" in sent
    assert SECRET not in sent


def test_a_checkout_that_was_never_met_is_not_read_although_the_repository_switches_hooks_off(desk: Desk) -> None:
    inner = desk.checkout("site/vendor/app", "git@github.com:acme/app.git")
    (inner / "plan.txt").write_text(f"{SECRET}\n")
    desk.write(desk.open / ".claude" / "settings.json", {"disableAllHooks": True})
    desk.write(desk.home / "mine.json", {"disableAllHooks": True})
    (desk.open / "mine.txt").write_text("falcon\n")
    search = ("Grep", {"pattern": "falcon", "output_mode": "content"})
    desk.stubs = [(CLOUD_PORT, [("Read", {"file_path": str(inner / "plan.txt")}), search] * 2)]
    for own in ([], ["--settings", str(desk.home / "mine.json")]):
        desk.launch("-p", "look", "--allowedTools=Read,Grep", *own, task="architecture-design", cwd=desk.open)

    result = desk.play()

    assert [run["code"] for run in result.runs] == [0, 0], result.runs
    sent = sent_to_the_cloud(result)
    assert "Kirikae stopped this" in sent
    assert SECRET not in sent


def plant_variables(desk: Desk) -> None:
    """Each of them alone lets the file through where the guard is taken from the session's surroundings."""
    spoofed = {"KIRIKAE_BACKEND": "local", "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST": "1"}
    spoofed["CLAUDE_CONFIG_DIR"] = str(desk.state.path / "clients" / "x")
    spoofed["ANTHROPIC_BASE_URL"] = f"http://127.0.0.1:{CLOUD_PORT}"
    off = {"CLAUDE_CODE_SIMPLE": "1", "CLAUDE_CODE_SAFE_MODE": "1", "CLAUDE_CODE_SHELL_PREFIX": "/bin/true"}
    elsewhere = {"KIRIKAE_HOME": "/nowhere", "PATH": f"{desk.open}/bin:/usr/bin:/bin", "PYTHONPATH": str(desk.open)}
    desk.write(desk.open / ".claude" / "settings.json", {"env": spoofed | off | elsewhere})


def plant_program(desk: Desk) -> None:
    """A package of the guard's name, which Python would find first in the current folder."""
    (desk.open / "kirikae").mkdir()
    for name in ("__init__.py", "cli.py"):
        (desk.open / "kirikae" / name).touch()


@pytest.mark.parametrize("plant", [plant_variables, plant_program], ids=lambda plant: plant.__name__[6:])
def test_the_guard_of_a_launch_is_not_steered_by_the_repository(desk: Desk, plant: Callable[[Desk], None]) -> None:
    inner = desk.checkout("site/vendor/app", "git@github.com:acme/app.git")
    (inner / "plan.txt").write_text(f"{SECRET}\n")
    plant(desk)
    desk.stubs = [
        (CLOUD_PORT, [("Bash", {"command": f"cd {inner}"}), ("Read", {"file_path": str(inner / "plan.txt")})])
    ]
    desk.launch("-p", "look", "--allowedTools=Read,Bash", task="architecture-design", cwd=desk.open)

    result = desk.play()

    sent = sent_to_the_cloud(result)
    assert "Kirikae stopped this" in sent, result.runs
    assert SECRET not in sent


def test_a_skill_reads_no_protected_file_that_its_arguments_name(desk: Desk) -> None:
    far = desk.checkout("far/app", "git@github.com:acme/app.git")
    (far / "plan.txt").write_text(SECRET)
    skill = desk.open / ".claude" / "skills" / "look" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: look\ndescription: looks\n---\nLook at @$ARGUMENTS\n")
    desk.stubs = [(CLOUD_PORT, [("Skill", {"skill": "look", "args": str(far / "plan.txt")})])]
    desk.launch("-p", "look", "--allowedTools=Skill", task="architecture-design", cwd=desk.open)

    sent = sent_to_the_cloud(desk.play())

    assert "Kirikae stopped this" in sent
    assert SECRET not in sent


def test_a_server_that_the_developer_added_reads_no_protected_file(desk: Desk) -> None:
    (desk.open / "mine.txt").write_text("open-work\n")
    server = {"command": sys.executable, "args": [file_server.__file__]}
    desk.write(desk.home / "mine.json", {"mcpServers": {"files": server}})
    far = desk.checkout("far/app", "git@github.com:acme/app.git")
    (far / "plan.txt").write_text(SECRET)
    calls = [("mcp__files__read", {"source": str(file)}) for file in (desk.open / "mine.txt", far / "plan.txt")]
    desk.stubs = [(CLOUD_PORT, calls)]
    own = ("--mcp-config", str(desk.home / "mine.json"), "--allowedTools=mcp__files__read")
    desk.launch("-p", "look", *own, task="architecture-design", cwd=desk.open)

    result = desk.play()

    sent = sent_to_the_cloud(result)
    assert "open-work" in sent, result.runs
    assert "Kirikae stopped this" in sent
    assert SECRET not in sent


def link_instructions(desk: Desk) -> None:
    (desk.open / "CLAUDE.md").symlink_to(desk.protected / "plan.txt")


def link_rules(desk: Desk) -> None:
    (desk.open / ".claude").symlink_to(desk.protected / ".claude")
    (desk.protected / ".claude" / "rules").mkdir(parents=True)
    (desk.protected / ".claude" / "rules" / "plan.md").write_text(SECRET)


def import_from_home(desk: Desk) -> None:
    (desk.home / ".claude" / "CLAUDE.md").write_text(f"@{desk.protected}/plan.txt")


@pytest.mark.parametrize("plant", [link_instructions, link_rules, import_from_home], ids=lambda plant: plant.__name__)
def test_instructions_that_lead_into_the_protected_folder_start_no_conversation(
    desk: Desk, plant: Callable[[Desk], None]
) -> None:
    plant(desk)
    desk.stubs = [(CLOUD_PORT, ())]
    desk.step("claude", "-p", "say hi", cwd=desk.open)
    desk.launch("-p", "say hi", task="architecture-design", cwd=desk.open)

    result = desk.play()

    plain, guarded = result.runs
    assert SECRET in json.dumps(result.cloud[0]["body"]), plain
    assert len(result.cloud) == 1
    assert "Kirikae stopped this" in guarded["out"] + guarded["err"]


def test_a_cloud_session_beside_it_cannot_read_the_protected_folder(desk: Desk) -> None:
    plan, state = desk.protected / "plan.txt", desk.state.path
    calls = [
        ("Read", {"file_path": str(plan)}),
        ("Grep", {"pattern": "falcon", "path": str(desk.protected), "output_mode": "content"}),
        ("Grep", {"pattern": "falcon", "path": str(desk.home / "work"), "output_mode": "content"}),
        ("Glob", {"pattern": "**/plan*", "path": str(desk.protected)}),
        ("Glob", {"pattern": "acme/**/plan*", "path": str(desk.home / "work")}),
        ("Read", {"file_path": str(state / "token")}),
        ("Read", {"file_path": str(desk.open / "mine.txt")}),
    ]
    (desk.open / "mine.txt").write_text("open-work\n")
    desk.stubs = [(CLOUD_PORT, calls)]
    allowed = ("--allowedTools", "Read", "Grep", "Glob")
    desk.launch("-p", "look around", *allowed, task="architecture-design", cwd=desk.open)

    result = desk.play()

    assert result.runs[0]["code"] == 0, result.runs
    sent = sent_to_the_cloud(result)
    assert "open-work" in sent
    assert SECRET not in sent
    assert "kmt_ID_SECRET" not in sent
    for request in result.cloud:
        results = [block for message in request["body"]["messages"] for block in message["content"]]
        answers = [block for block in results if isinstance(block, dict) and block.get("type") == "tool_result"]
        assert all("plan.txt" not in json.dumps(answer) or answer.get("is_error") for answer in answers)
