"""The guard of sessions: what it stops, what it lets pass, and that it stops what it cannot decide."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from kirikae.cli import main
from kirikae.errors import PreflightError
from kirikae.guarding.cloud_denials import deny_reading
from kirikae.guarding.guard import guard, is_protected_session
from kirikae.guarding.protected_folders import list_folders, remember_folder
from kirikae.home import Home

from routing.managed_settings import GUARDED_TOOLS

PROMPT = {"hook_event_name": "UserPromptSubmit", "session_id": "s1", "prompt": "hello"}


def refusal(home: Home, folder: Path, **more: object) -> str | None:
    return guard(home, {**PROMPT, "cwd": str(folder), **more}).refusal


def tool(home: Home, folder: Path, name: str, **given: object) -> str | None:
    return refusal(home, folder, hook_event_name="PreToolUse", tool_name=name, tool_input=given)


def kinds(home: Home) -> list[str]:
    return sorted(json.loads(file.read_bytes())["kind"] for file in (home.path / "receipts").glob("*.json"))


def test_a_prompt_in_a_protected_folder_is_stopped_and_noted_once(synced: Home, protected_project: Path) -> None:
    sentences = {refusal(synced, protected_project), refusal(synced, protected_project)}

    assert len(sentences) == 1
    assert "(nda-acme)" in str(sentences.pop())
    assert kinds(synced) == ["blocked"]
    assert list_folders(synced) == [protected_project.resolve()]


def test_a_prompt_in_an_open_folder_passes_and_the_direct_start_is_noted(synced: Home, open_project: Path) -> None:
    assert refusal(synced, open_project) is None
    assert kinds(synced) == ["direct"]


def test_a_remote_that_was_added_counts_from_the_next_prompt_on(synced: Home, open_project: Path) -> None:
    before = refusal(synced, open_project)
    command = ["git", "-C", str(open_project), "remote", "add", "customer", "git@github.com:acme/app.git"]
    subprocess.run(command, check=True)

    assert (before, refusal(synced, open_project) is None) == (None, False)
    assert kinds(synced) == ["blocked", "direct"]


def test_files_of_a_protected_folder_are_not_read_from_beside_it(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    inside = str(protected_project / "plan.txt")

    assert tool(synced, open_project, "Read", file_path=inside)
    assert tool(synced, open_project, "Read", file_path="../app/plan.txt")
    assert tool(synced, open_project, "Glob", pattern=f"{protected_project}/**/*.txt")
    assert tool(synced, open_project, "Glob", pattern="../app/*")
    assert tool(synced, open_project, "Read", file_path=str(synced.path / "token"))
    assert tool(synced, open_project, "Read", file_path=str(open_project / "readme")) is None
    assert tool(synced, open_project, "Read", file_path="/etc/hostname") is None


def test_a_search_from_above_is_stopped_once_the_folder_is_known(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    remember_folder(synced, protected_project.resolve())

    assert tool(synced, open_project, "Grep", pattern="x", path=str(open_project.parent))
    assert tool(synced, open_project, "Grep", pattern="x", path=str(open_project)) is None


def test_a_search_from_above_is_stopped_also_where_nobody_has_met_the_checkout(
    synced: Home, protected_project: Path, open_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tool(synced, open_project, "Grep", pattern="x") is None

    (open_project / "vendor").mkdir()
    protected_project.rename(open_project / "vendor" / "app")
    assert tool(synced, open_project, "Grep", pattern="x")
    assert tool(synced, open_project, "Glob", pattern="**/*.txt")
    assert tool(synced, open_project, "Grep", pattern="x", path=str(open_project / "vendor"))

    monkeypatch.setattr("kirikae.guarding.checkouts.MAX_FOLDERS", 0)
    with pytest.raises(PreflightError, match=r"guard\.too_wide"):
        tool(synced, open_project, "Grep", pattern="x")


def test_arguments_of_a_command_are_files_that_it_may_mention(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    plan = protected_project / "plan.txt"
    plan.touch()

    for told in (f"@{plan}", str(plan), "the '../app/plan.txt'"):
        assert tool(synced, open_project, "Skill", skill="look", args=told)
        assert refusal(synced, open_project, prompt=f"/look {told}")
    assert tool(synced, open_project, "Workflow", scriptPath=str(plan))
    assert tool(synced, open_project, "Skill", skill="look", args="at the weather") is None
    assert refusal(synced, open_project, prompt=f"what would {plan} hold?") is None


@pytest.mark.parametrize(
    ("called", "key"),
    [
        ("Artifact", "file_path"),
        ("LSP", "filePath"),
        ("Projects", "local_path"),
        ("mcp__files__read", "uri"),
        ("mcp__files__read", "source"),
    ],
)
def test_tools_that_upload_or_were_added_reach_no_protected_file(
    synced: Home, protected_project: Path, open_project: Path, called: str, key: str
) -> None:
    for file in (protected_project / "plan.txt", open_project / "readme"):
        file.touch()

    assert tool(synced, open_project, called, **{key: str(protected_project / "plan.txt")})
    assert tool(synced, open_project, called, **{key: "../app/plan.txt"})
    assert tool(synced, open_project, called, **{key: f"file://{protected_project}/plan.txt"})
    assert tool(synced, open_project, called, files=["readme", {"path": "../app/plan.txt"}])
    assert tool(synced, open_project, called, **{key: "readme"}, text="see ../app/plan.txt", count=3) is None


def test_a_folder_that_an_added_tool_names_counts_as_searched(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    (open_project / "vendor").mkdir()
    assert tool(synced, open_project, "mcp__files__tree", path="vendor") is None

    protected_project.rename(open_project / "vendor" / "app")

    assert tool(synced, open_project, "mcp__files__tree", path="vendor")


def test_the_guard_is_asked_about_the_same_tools_however_it_came(synced: Home) -> None:
    recipe, _ = deny_reading(synced, [], [])
    settings = json.loads(recipe[-1].removeprefix("--settings="))

    (brought,) = settings["hooks"]["PreToolUse"]
    assert brought["matcher"] == GUARDED_TOOLS
    assert all(re.search(GUARDED_TOOLS, name) for name in ("Read", "Artifact", "SendUserFile", "mcp__files__read"))
    assert not any(re.search(GUARDED_TOOLS, name) for name in ("Bash", "TodoRead", "ReadMcpResource"))


def test_a_name_is_taken_as_the_client_takes_it(synced: Home, protected_project: Path, open_project: Path) -> None:
    """Only `~/` is a home folder to it, and it takes `..` out of the text."""
    for name in ("~root", "down"):
        (open_project / name).symlink_to(protected_project)

    assert tool(synced, open_project, "Read", file_path="~root/plan.txt")
    assert tool(synced, open_project, "Glob", pattern="~root/*", path=str(open_project))
    assert tool(synced, open_project, "Read", file_path="down/src/../plan.txt")
    assert tool(synced, open_project, "Read", file_path=" ~/app/plan.txt")
    assert tool(synced, open_project, "Read", file_path="~nobody/plan.txt") is None


@pytest.mark.parametrize("odd", [{"cwd": [1]}, {"file_path": {"a": 1}}, {"file_path": "a\0b"}, {"pattern": 5}])
def test_an_event_of_another_form_is_not_let_through(synced: Home, open_project: Path, odd: dict[str, object]) -> None:
    event = {**PROMPT, "cwd": str(open_project), "hook_event_name": "PreToolUse", "tool_name": "Glob"}

    with pytest.raises((TypeError, ValueError)):
        guard(synced, {**event, "tool_input": odd, **({"cwd": odd["cwd"]} if "cwd" in odd else {})})


def test_a_link_into_a_protected_folder_is_followed(synced: Home, protected_project: Path, open_project: Path) -> None:
    (open_project / "inner").symlink_to(protected_project)

    assert tool(synced, open_project, "Read", file_path=str(open_project / "inner" / "plan.txt"))


def test_a_folder_that_a_command_went_into_is_judged_for_itself(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    inner = open_project / "vendor" / "app"
    inner.parent.mkdir()
    protected_project.rename(inner)

    assert refusal(synced, open_project) is None
    assert tool(synced, inner, "Read", file_path=str(inner / "plan.txt"))
    assert tool(synced, inner, "Grep", pattern="x")
    assert tool(synced, inner.parent, "Read", file_path="readme") is None


def test_a_known_folder_is_one_in_any_spelling(synced: Home, open_project: Path) -> None:
    folder = open_project.parent / "Caf\u00e9"
    folder.mkdir()
    remember_folder(synced, folder)

    assert tool(synced, open_project, "Read", file_path=str(open_project.parent / "CAFE\u0301" / "plan.txt"))
    assert tool(synced, open_project, "Read", file_path=str(synced.path).upper() + "/token")


def plant_link(open_project: Path, protected: Path) -> None:
    (open_project / "CLAUDE.md").symlink_to(protected / "plan.md")


def plant_linked_folder(open_project: Path, protected: Path) -> None:
    (protected / "rules").mkdir()
    (protected / "rules" / "style.md").touch()
    (open_project / ".claude").symlink_to(protected)


def plant_skill(open_project: Path, protected: Path) -> None:
    (open_project / ".claude" / "skills" / "plan").mkdir(parents=True)
    (open_project / ".claude" / "skills" / "plan" / "SKILL.md").symlink_to(protected / "plan.md")


def plant_import_of_the_user(open_project: Path, protected: Path) -> None:
    folder = open_project.parent / ".claude"
    folder.mkdir()
    (folder / "CLAUDE.md").write_text("Read @first.md")
    (folder / "first.md").write_text(f"- @{protected}/plan.md")


@pytest.mark.parametrize("plant", [plant_link, plant_linked_folder, plant_skill, plant_import_of_the_user])
def test_instructions_that_lead_into_a_protected_folder_stop_the_prompt(
    synced: Home, protected_project: Path, open_project: Path, plant: Callable[[Path, Path], None]
) -> None:
    (protected_project / "plan.md").touch()
    assert refusal(synced, open_project) is None

    plant(open_project, protected_project)

    assert "app/" in str(refusal(synced, open_project))


def test_instructions_on_the_way_to_a_file_are_judged_with_it(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    (protected_project / "plan.md").touch()
    (open_project / "docs" / "more").mkdir(parents=True)
    (open_project / "docs" / "CLAUDE.md").symlink_to(protected_project / "plan.md")

    assert refusal(synced, open_project) is None
    assert tool(synced, open_project, "Read", file_path="docs/more/x.txt")
    assert tool(synced, open_project, "Read", file_path="x.txt") is None


def test_instructions_of_ones_own_that_go_round_in_circles_pass(synced: Home, open_project: Path) -> None:
    (open_project / "CLAUDE.md").write_text("@other.md @nowhere.md ben@example.org")
    (open_project / "other.md").write_text("@CLAUDE.md")
    (open_project / ".claude" / "rules").mkdir(parents=True)
    (open_project / ".claude" / "rules" / "again").symlink_to("..")

    assert refusal(synced, open_project) is None


@pytest.mark.parametrize("place", ["beginning", "end", "nowhere"])
def test_a_conversation_that_was_held_in_a_protected_folder_is_not_taken_up(
    synced: Home, protected_project: Path, open_project: Path, place: str
) -> None:
    folder = {"beginning": protected_project, "end": protected_project, "nowhere": open_project / "gone"}[place]
    told = json.dumps({"type": "user", "cwd": str(folder)}, separators=(",", ":"))
    rest = json.dumps({"message": "x" * 600_000, "cwd": 5})
    transcript = open_project.parent / "kept.jsonl"
    transcript.write_text(f"{rest}\n{told}" if place == "end" else f"{told}\n{rest}")

    said = refusal(synced, open_project, transcript_path=str(transcript))

    assert (said is not None) == (place != "nowhere")
    assert refusal(synced, open_project, transcript_path=str(open_project / "none.jsonl")) is None


def test_only_a_session_that_was_launched_for_protected_work_passes_as_one(home: Home) -> None:
    launch = "01999999-0000-7000-8000-000000000000"
    home.write_json(f"launches/{launch}.json", {"launched": {"profile": "hardened"}})
    environment = {
        "KIRIKAE_BACKEND": "local",
        "KIRIKAE_LAUNCH": launch,
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:8080",
        "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST": "1",
        "CLAUDE_CONFIG_DIR": str(home.path / "clients" / "claude-nda"),
    }

    assert is_protected_session(home, environment)
    for name in environment:
        assert not is_protected_session(home, environment | {name: "https://api.anthropic.com"})
    for other in ("", "../launches/" + launch, launch[:-1] + "1"):
        assert not is_protected_session(home, environment | {"KIRIKAE_LAUNCH": other})
    home.write_json(f"launches/{launch}.json", {"launched": {"profile": "plain"}})
    assert not is_protected_session(home, environment)


def run_guard(event: bytes, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "kirikae", "guard"]
    return subprocess.run(command, input=event.decode(), capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("event", [b"", b"no json", b"[]", b"3", b"null"])
def test_an_event_that_cannot_be_read_stops_the_session(synced: Home, event: bytes) -> None:
    done = run_guard(event)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    "odd",
    [
        {"hook_event_name": None},
        {"hook_event_name": "PromptSubmitted"},
        {"hook_event_name": []},
        {"prompt": None},
        {"prompt": ["@../app/plan.md"]},
        {"cwd": None},
        {"cwd": "site"},
        {"hook_event_name": "PreToolUse"},
        {"hook_event_name": "PreToolUse", "tool_name": "Read", "tool_input": "plan.md"},
    ],
)
def test_an_event_that_lacks_what_it_is_judged_by_stops_the_session(
    synced: Home,
    open_project: Path,
    odd: Mapping[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("kirikae.commands.guard.start_clock", lambda: None)
    event = {**PROMPT, "cwd": str(open_project), **odd}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(event).encode())))

    assert main(["guard"]) == 2

    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_a_refusal_that_nobody_reads_is_one(synced: Home, protected_project: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    event = json.dumps({**PROMPT, "cwd": str(protected_project)}).encode()

    with os.fdopen(writing, "wb") as nobody:
        done = subprocess.run([sys.executable, "-m", "kirikae", "guard"], input=event, stderr=nobody, check=False)

    assert done.returncode == 2


@pytest.mark.slow
def test_a_machine_without_a_policy_stops_the_session(home: Home, open_project: Path) -> None:
    done = run_guard(json.dumps({**PROMPT, "cwd": str(open_project)}).encode())

    assert done.returncode == 2
    assert "kirikae sync" in done.stderr


@pytest.mark.slow
def test_the_start_of_a_session_is_told_and_not_stopped(synced: Home, protected_project: Path) -> None:
    event: Mapping[str, str] = {**PROMPT, "hook_event_name": "SessionStart", "cwd": str(protected_project)}

    done = run_guard(json.dumps(event).encode())

    assert done.returncode == 0
    assert "nda-acme" in json.loads(done.stdout)["systemMessage"]


def test_cloud_launches_deny_known_folders_and_bring_the_guard(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "a, b (c)"
    folder.mkdir()
    remember_folder(home, folder)

    (denied, settings), _ = deny_reading(home, ["--disallowedTools=Read(~/x/**)"], [], has_rules=False)

    assert denied.startswith(f"--disallowedTools=Read(~/x/**),Read(/{home.path}/**),Read(/{tmp_path}/a? b ?c?/**)")
    assert "guard || exit 2" in settings


def test_the_developers_own_settings_keep_the_guard_beside_them(home: Home, tmp_path: Path) -> None:
    theirs = {"model": "m", "disableAllHooks": True, "hooks": {"Stop": [{"hooks": []}], "PreToolUse": [{"hooks": []}]}}
    (tmp_path / "mine.json").write_text(json.dumps(theirs))

    own, rest = deny_reading(home, [], ["-p", "--settings", str(tmp_path / "mine.json"), "--", "--settings"])

    settings = json.loads(own[-1].removeprefix("--settings="))
    assert rest == ["-p", "--", "--settings"]
    assert (settings["model"], settings["disableAllHooks"]) == ("m", False)
    assert {event: len(groups) for event, groups in settings["hooks"].items()} == {
        "SessionStart": 1,
        "UserPromptSubmit": 1,
        "PreToolUse": 2,
        "Stop": 1,
    }


def test_settings_of_a_repository_do_not_switch_the_guard_off(home: Home) -> None:
    theirs = json.dumps({"env": {"CLAUDE_CODE_SIMPLE": "1", "MINE": "kept"}})

    own, _ = deny_reading(home, [], [f"--settings={theirs}"])

    env = json.loads(own[-1].removeprefix("--settings="))["env"]
    assert env == {
        "MINE": "kept",
        "CLAUDE_CODE_SAFE_MODE": "",
        "CLAUDE_CODE_SHELL_PREFIX": "",
        "CLAUDE_CODE_SIMPLE": "",
    }


@pytest.mark.slow
def test_the_guard_that_a_launch_brings_is_this_one_wherever_it_runs(
    synced: Home, protected_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, _ = deny_reading(synced, [], [])
    hooks = json.loads(own[-1].removeprefix("--settings="))["hooks"]
    command = hooks["UserPromptSubmit"][0]["hooks"][0]["command"]
    for folder in ("kirikae", "bin"):
        (protected_project / folder).mkdir()
        (protected_project / folder / "cli.py").write_text("")
    (protected_project / "kirikae" / "__init__.py").write_text("")
    for name in ("KIRIKAE_HOME", "HOME", "PYTHONPATH", "PATH"):
        monkeypatch.setenv(name, str(protected_project))

    event = json.dumps({**PROMPT, "cwd": str(protected_project)})
    done = subprocess.run(["/bin/sh", "-c", command], input=event, capture_output=True, text=True, check=False)

    assert (done.returncode, "(nda-acme)" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("theirs", [["--bare"], ["-p", "--safe-mode", "x"]])
def test_arguments_that_leave_the_guard_out_are_refused_by_name(home: Home, theirs: list[str]) -> None:
    with pytest.raises(PreflightError, match=r"run\.unguarded"):
        deny_reading(home, [], theirs)
    assert deny_reading(home, [], ["--", *theirs])


@pytest.mark.parametrize("theirs", [["--settings=no.json"], ["--settings", "{"], ["--settings"], ["--settings=[]"]])
def test_settings_that_cannot_be_read_start_no_session_in_the_cloud(home: Home, theirs: list[str]) -> None:
    with pytest.raises(PreflightError, match=r"run\.settings_unread"):
        deny_reading(home, [], theirs)


def test_a_policy_that_protects_nothing_needs_no_guard(home: Home) -> None:
    denied = [f"--disallowedTools=Read(/{home.path}/**)"]

    assert deny_reading(home, [], ["--settings", "x"], has_rules=False) == (denied, ["--settings", "x"])


def test_a_checkout_inside_the_sessions_folder_is_judged_for_itself(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    inner = open_project / "vendor" / "app"
    inner.parent.mkdir()
    protected_project.rename(inner)

    assert tool(synced, open_project, "Read", file_path="vendor/app/src/plan.txt")
    assert tool(synced, open_project, "Grep", pattern="x", path=str(inner))
    assert tool(synced, open_project, "Read", file_path="vendor/readme") is None


def test_a_prompt_that_mentions_a_protected_file_is_stopped(
    synced: Home, protected_project: Path, open_project: Path
) -> None:
    (protected_project / "plan.txt").touch()
    (open_project / "mine.txt").touch()

    assert refusal(synced, open_project, prompt="explain @../app/plan.txt, please")
    assert refusal(synced, open_project, prompt="@../app/plan.txtを説明して")
    assert refusal(synced, open_project, prompt="explain @mine.txt to ben@example.org") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"folders": 5}', '{"folders": [5]}'])
def test_folders_that_cannot_be_read_start_no_session_in_the_cloud(
    synced: Home, open_project: Path, content: str
) -> None:
    synced.write("protected_folders.json", content.encode())

    with pytest.raises(PreflightError, match=r"home\.folders_unread"):
        deny_reading(synced, [], [])
    with pytest.raises(PreflightError, match=r"home\.folders_unread"):
        tool(synced, open_project, "Read", file_path="/etc/hostname")


@pytest.mark.slow
def test_launches_at_once_remember_every_folder_also_of_a_disk_that_is_away(home: Home, tmp_path: Path) -> None:
    away = tmp_path / "disk"
    remember_folder(home, away)
    script = "import sys; from pathlib import Path; from kirikae.home import Home;"
    script += "from kirikae.guarding import protected_folders;"
    script += "[protected_folders.remember_folder(Home(Path(sys.argv[1])), Path(one)) for one in sys.argv[2:]]"
    folders = [[tmp_path / f"{process}-{number}" for number in range(20)] for process in range(4)]
    for folder in (one for group in folders for one in group):
        folder.mkdir()

    running = [subprocess.Popen([sys.executable, "-c", script, home.path, *group]) for group in folders]

    assert [process.wait(timeout=30) for process in running] == [0, 0, 0, 0]
    assert set(list_folders(home)) == {one for group in folders for one in group}
    away.mkdir()
    assert away in list_folders(home)


@pytest.mark.slow
@pytest.mark.parametrize("entrance", ["kirikae.start", "kirikae.cli"])
def test_a_guard_that_hangs_stops_the_session_before_the_client_gives_it_up(home: Home, entrance: str) -> None:
    script = "import sys; from kirikae.guarding import entrance; entrance.PATIENCE_S = 0.2; sys.argv[1:] = ['guard'];"
    script += f"from {entrance} import main; raise SystemExit(main())"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        code = waiting.wait(timeout=10)
        assert waiting.stderr is not None
        said = waiting.stderr.read().decode()

    assert (code, "guard failed" in said) == (2, True)
