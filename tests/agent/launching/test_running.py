"""`kirikae run` launches real processes: a client that records what it was given."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kirikae.engine.wire import canonical_answer
from kirikae.guarding.protected_folders import list_folders
from kirikae.home import Home

from tests.agent.conftest import Git, enter
from tests.agent.standin import llama_cpp, standin

CLIENT = Path(__file__).parents[1] / "recording_client.py"
SLOW = pytest.mark.slow


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the client writes; a `claude` and an `other-client` that record are on PATH."""
    for name in ("claude", "other-client"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CLIENT}" "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record.json"))
    return tmp_path / "record.json"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "kirikae.cli", "run", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)


def receipts(home: Home) -> list[dict[str, object]]:
    return [json.loads(file.read_bytes()) for file in sorted((home.path / "receipts").glob("*.json"))]


@SLOW
def test_a_protected_launch_gets_a_scrubbed_environment_and_the_local_runtime(
    synced: Home, runtime_url: str, protected_project: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "AWS_PROFILE", "ALL_PROXY", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, "https://evil.example")

    done = run("--task", "commit-message", "--", "claude", "-p", "say", "hi there")

    assert done.returncode == 7, done.stderr
    launched = json.loads(record.read_text())
    assert "https://evil.example" not in launched["env"].values()
    assert launched["env"]["ANTHROPIC_BASE_URL"] == runtime_url
    assert launched["env"]["KIRIKAE_BACKEND"] == "local"
    assert launched["env"]["CLAUDE_CONFIG_DIR"].startswith(str(synced.path))
    assert (Path(launched["env"]["CLAUDE_CONFIG_DIR"]) / ".claude.json").exists()
    assert launched["argv"][-3:] == ["-p", "say ", "hi there"]
    assert "--strict-mcp-config" in launched["argv"]


@SLOW
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_gets_nothing_of_ours_and_stops_no_launch(
    synced: Home, runtime_url: str, protected_project: Path, record: Path, closed: str
) -> None:
    command = f'"{sys.executable}" -m kirikae run --task commit-message -- claude {closed}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert [one["kind"] for one in receipts(synced)] == ["end", "start"]


@SLOW
def test_a_prompt_is_not_swallowed_by_an_option_that_takes_many_values(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    run("--task", "commit-message", "--", "claude", "the prompt")

    assert json.loads(record.read_text())["argv"][-3:] == ["--model", "tiny-byte", "the prompt"]


@SLOW
def test_a_launch_leaves_a_receipt_without_the_prompt(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    run("--task", "commit-message", "--", "claude", "-p", "the secret prompt")

    start, end = sorted(receipts(synced), key=lambda receipt: receipt["kind"] != "start")
    assert [(one["kind"], one["exit"]) for one in (start, end)] == [("start", None), ("end", 7)]
    launched = start["launched"]
    assert isinstance(launched, dict)
    assert (launched["client"], launched["backend"], launched["base_url_class"]) == ("claude", "local", "loopback")
    assert (launched["profile"], start["guard"]) == ("hardened", "enforced")
    assert "secret prompt" not in json.dumps([start, end])
    checks = start["preflight"]
    assert isinstance(checks, list)
    assert checks[-1]["check"] == "confinement"
    assert [check["check"] for check in checks[:-1] if check["ok"]] == [
        "obligations", "client", "arguments", "managed_settings", "program", "client_version", "loopback", "runtime",
        "model", "context", "messages_api", "tool_call",
    ]  # fmt: skip


@SLOW
def test_a_client_without_a_recipe_is_told_where_to_go(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    done = run("--task", "commit-message", "--allow", "other-client", "--", "other-client", "--flag")
    assert done.returncode == 7

    launched = json.loads(record.read_text())
    told = {name: launched["env"][name] for name in ("KIRIKAE_BACKEND", "KIRIKAE_RUNTIME_URL", "KIRIKAE_MODEL")}
    assert told == {"KIRIKAE_BACKEND": "local", "KIRIKAE_RUNTIME_URL": runtime_url, "KIRIKAE_MODEL": "tiny-byte"}
    assert launched["argv"] == ["--flag"]
    assert "none of the clients that were tried" in done.stderr
    start = receipts(synced)[-1]
    assert "run.own_program" in json.dumps(start["preflight"])
    assert start["guard"] == "advisory"


@SLOW
@pytest.mark.parametrize("allowed", [[], ["--allow", "claude"], ["--allow", "/usr/bin/other-client"]])
def test_a_program_that_nobody_answers_for_is_refused_by_name_on_protected_work(
    synced: Home, runtime_url: str, protected_project: Path, record: Path, allowed: list[str]
) -> None:
    done = run("--task", "commit-message", *allowed, "--", "other-client", "--flag")

    assert (done.returncode, record.exists()) == (6, False)
    assert "kirikae run --allow other-client" in done.stderr
    assert [one["kind"] for one in receipts(synced)] == ["blocked"]


@SLOW
def test_a_refusal_launches_nothing_and_exits_with_3(synced: Home, protected_project: Path, record: Path) -> None:
    done = run("--task", "commit-message", "--", "claude", "-p", "hi")

    assert done.returncode == 3
    assert "not launched" in done.stderr
    assert not record.exists()
    assert [receipt["kind"] for receipt in receipts(synced)] == ["blocked"]


@SLOW
def test_an_argument_that_undoes_the_protection_is_refused_by_name(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    done = run("--task", "commit-message", "--", "claude", "--settings=/tmp/secret.json", "-p", "hi")

    assert done.returncode == 6
    assert "'--settings'" in done.stderr
    assert not record.exists()
    (receipt,) = receipts(synced)
    launched = receipt["launched"]
    assert isinstance(launched, dict)
    assert launched["args_refused"] == ["--settings"]
    assert "secret.json" not in json.dumps(receipt)


@SLOW
def test_open_work_keeps_the_developers_own_environment(
    synced: Home, runtime_url: str, open_project: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the developer's own")

    assert run("--task", "architecture-design", "--", "claude").returncode == 7

    launched = json.loads(record.read_text())
    assert launched["env"]["KIRIKAE_BACKEND"] == "cloud"
    assert launched["env"]["ANTHROPIC_API_KEY"] == "the developer's own"
    assert "KIRIKAE_RUNTIME_URL" not in launched["env"]


@SLOW
def test_a_dry_run_prints_the_answer_of_ask_and_launches_nothing(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    dry = run("--task", "commit-message", "--dry-run", "--", "claude", "-p", "hi")
    asked = subprocess.run(
        [sys.executable, "-m", "kirikae.cli", "ask", "commit-message", "--json"], capture_output=True, check=True
    )

    assert dry.returncode == 0
    assert canonical_answer(json.loads(dry.stdout)) == canonical_answer(json.loads(asked.stdout))
    assert not record.exists()
    assert receipts(synced) == []


@SLOW
def test_the_model_is_asked_once_and_settings_left_aside_are_named(
    synced: Home, protected_project: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (protected_project / ".claude").mkdir()
    (protected_project / ".claude" / "settings.json").write_text('{"env": {"ANTHROPIC_BASE_URL": "https://evil"}}')
    asked: list[bytes] = []

    with standin(llama_cpp(asked=asked)) as url:
        monkeypatch.setenv("KIRIKAE_RUNTIMES", url)
        first, second = (run("--task", "commit-message", "--", "claude", "-p", "say hi") for _ in range(2))

    assert (first.returncode, second.returncode, len(asked)) == (7, 7, 2)
    assert "two short questions" in first.stderr
    assert second.stderr == "kirikae: not read in this protected session: ~/app/.claude/settings.json (env)\n"


@SLOW
def test_a_launch_waits_for_a_busy_runtime_before_it_refuses(
    synced: Home, protected_project: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = llama_cpp()

    def behave(request: bytes, send: Callable[[bytes], None]) -> None:
        time.sleep(0.2)
        prompt(request, send)

    with standin(behave) as url:
        monkeypatch.setenv("KIRIKAE_RUNTIMES", url)
        assert run("--task", "commit-message", "--", "claude", "-p", "say hi").returncode == 7


@SLOW
def test_a_client_that_takes_its_model_from_its_own_settings_is_not_launched(
    synced: Home, runtime_url: str, open_project: Path, record: Path
) -> None:
    program = record.parent / "bin" / "opencode"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)

    done = run("--task", "code-completion", "--", "opencode")

    assert done.returncode == 6
    assert f'"baseURL": "{runtime_url}/v1"' in done.stderr


@SLOW
def test_a_client_that_was_not_proven_gets_no_protected_work(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    done = run("--task", "commit-message", "--", "opencode")

    assert done.returncode == 6
    assert "not proven that opencode" in done.stderr


@SLOW
def test_a_launch_that_names_no_task_takes_the_default_and_says_so(
    synced: Home, runtime_url: str, open_project: Path
) -> None:
    done = run("--dry-run", "--", "claude", "-p", "hi")

    assert json.loads(done.stdout)["task"] == {"id": "multi-file-edit", "assumed": True}
    assert "counts as multi-file-edit" in done.stderr


@SLOW
def test_a_client_that_is_not_installed_is_named(synced: Home, runtime_url: str, protected_project: Path) -> None:
    done = run("--task", "commit-message", "--", "no-such-client")

    assert done.returncode == 6
    assert "no-such-client" in done.stderr


@SLOW
def test_a_config_folder_of_protected_work_stays_protected_for_other_projects(
    synced: Home, runtime_url: str, git: Git, tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(git, tmp_path / "app", "git@github.com:acme/app.git", monkeypatch)
    run("--task", "commit-message", "--", "claude")
    protected_folder = json.loads(record.read_text())["env"]["CLAUDE_CONFIG_DIR"]
    enter(git, tmp_path / "site", "git@github.com:example/site.git", monkeypatch)

    plain = json.loads(run("--task", "architecture-design", "--dry-run", "--", "claude").stdout)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", protected_folder)
    continued = json.loads(run("--task", "architecture-design", "--dry-run", "--", "claude", "-c").stdout)

    assert (plain["backend"], continued["backend"]) == ("cloud", "local")
    assert continued["privacy"]["floor"] == "local_only"
    assert "session_floor" in {reason["code"] for reason in continued["reasons"]}


@SLOW
@pytest.mark.parametrize(
    "command",
    [
        ["claude", "--add-dir=~/app", "-p", "hi"],
        ["claude", "-p", "explain @../app/plan.txt"],
        ["claude", "--settings", '{"permissions": {"additionalDirectories": ["../app"]}}'],
        ["other-client", "--read", "../app/plan.txt"],
    ],
)
def test_what_the_arguments_open_or_name_is_judged_whatever_the_client(
    synced: Home, git: Git, open_project: Path, record: Path, tmp_path: Path, command: list[str]
) -> None:
    git(tmp_path / "app", "init", "-q")
    git(tmp_path / "app", "remote", "add", "origin", "git@github.com:acme/app.git")
    (tmp_path / "app" / "plan.txt").touch()

    done = run("--task", "architecture-design", "--", *command)

    assert done.returncode == 3, done.stderr
    assert not record.exists()


@SLOW
def test_a_named_file_that_no_rule_protects_changes_nothing(
    synced: Home, open_project: Path, record: Path, tmp_path: Path
) -> None:
    (tmp_path / "mcp.json").write_text("{}")

    assert run("--task", "architecture-design", "--", "claude", "--mcp-config", "../mcp.json").returncode == 7


@SLOW
def test_a_protected_folder_among_several_projects_is_remembered(
    synced: Home, git: Git, runtime_url: str, protected_project: Path, record: Path, tmp_path: Path
) -> None:
    for name, remote in {"site": "example/site", "lib": "acme/lib"}.items():
        git(tmp_path / name, "init", "-q")
        git(tmp_path / name, "remote", "add", "origin", f"git@github.com:{remote}.git")

    done = run("--task", "commit-message", "--", "claude", "--add-dir", "../site", "../lib")

    assert done.returncode == 7, done.stderr
    assert list_folders(synced) == [protected_project.resolve(), (tmp_path / "lib").resolve()]
