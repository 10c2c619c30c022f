"""`kirikae run` launches real processes: a client that records what it was given."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kirikae.client_arguments import added_folders, client_mode, client_name, find_undoing_argument
from kirikae.engine.wire import canonical_answer
from kirikae.errors import PreflightError
from kirikae.home import Home
from kirikae.launching import check_launch, prepare_launch

CLIENT = Path(__file__).with_name("recording_client.py")
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

    done = run("--task", "commit-message", "--", "claude", "-p", "hi")

    assert done.returncode == 7, done.stderr
    launched = json.loads(record.read_text())
    assert "https://evil.example" not in launched["env"].values()
    assert launched["env"]["ANTHROPIC_BASE_URL"] == runtime_url
    assert launched["env"]["KIRIKAE_BACKEND"] == "local"
    assert launched["env"]["CLAUDE_CONFIG_DIR"].startswith(str(synced.path))
    assert (Path(launched["env"]["CLAUDE_CONFIG_DIR"]) / ".claude.json").exists()
    assert launched["argv"][-2:] == ["-p", "hi"]
    assert "--strict-mcp-config" in launched["argv"]


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

    (receipt,) = receipts(synced)
    assert receipt["kind"] == "start"
    launched = receipt["launched"]
    assert isinstance(launched, dict)
    assert (launched["client"], launched["backend"], launched["base_url_class"]) == ("claude", "local", "loopback")
    assert launched["profile"] == "hardened"
    assert "secret prompt" not in json.dumps(receipt)


@SLOW
def test_a_client_without_a_recipe_is_told_where_to_go(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    assert run("--task", "commit-message", "--", "other-client", "--flag").returncode == 7

    launched = json.loads(record.read_text())
    told = {name: launched["env"][name] for name in ("KIRIKAE_BACKEND", "KIRIKAE_RUNTIME_URL", "KIRIKAE_MODEL")}
    assert told == {"KIRIKAE_BACKEND": "local", "KIRIKAE_RUNTIME_URL": runtime_url, "KIRIKAE_MODEL": "tiny-byte"}
    assert launched["argv"] == ["--flag"]


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
def test_a_launch_that_names_no_task_takes_the_default_and_says_so(
    synced: Home, runtime_url: str, open_project: Path
) -> None:
    document = json.loads(run("--dry-run", "--", "claude", "-p", "hi").stdout)

    assert document["task"] == {"id": "multi-file-edit", "assumed": True}


@SLOW
def test_a_client_that_is_not_installed_is_named(synced: Home, runtime_url: str, protected_project: Path) -> None:
    done = run("--task", "commit-message", "--", "no-such-client")

    assert done.returncode == 6
    assert "no-such-client" in done.stderr


LOCAL_ANSWER: dict[str, object] = {
    "backend": "local",
    "runtime": {"base_url": "http://127.0.0.1:9"},
    "model": {"name": "tiny-byte"},
    "obligations": [],
    "launch": {"profile": "slim", "env": {"A": "{kirikae_home}/x"}, "unset": ["B*", "*_PROXY", "C"], "args": ["--m"]},
}


def test_an_unknown_obligation_launches_nothing() -> None:
    with pytest.raises(PreflightError) as caught:
        check_launch(LOCAL_ANSWER | {"obligations": [{"code": "new", "value": True}]}, client="claude", arguments=[])

    assert (caught.value.code, caught.value.exit_code) == ("run.unknown_obligation", 6)


def test_a_runtime_that_went_away_launches_nothing() -> None:
    with pytest.raises(PreflightError) as caught:
        check_launch(LOCAL_ANSWER, client="claude", arguments=[])

    assert caught.value.code == "run.runtime_silent"


def test_a_local_answer_off_this_machine_launches_nothing() -> None:
    answer = LOCAL_ANSWER | {"runtime": {"base_url": "http://10.0.0.5:8080"}}

    with pytest.raises(PreflightError) as caught:
        check_launch(answer, client="claude", arguments=[])

    assert caught.value.code == "run.not_loopback"


def test_a_runtime_that_changed_its_model_launches_nothing(runtime_url: str) -> None:
    answer = LOCAL_ANSWER | {"runtime": {"base_url": runtime_url}, "model": {"name": "another"}}

    with pytest.raises(PreflightError) as caught:
        check_launch(answer, client="claude", arguments=[])

    assert caught.value.code == "run.runtime_silent"


def test_the_environment_is_what_the_answer_says(home: Home) -> None:
    inherited = {"B1": "x", "HTTP_PROXY": "x", "C": "x", "C2": "kept", "A": "old"}

    launch = prepare_launch(LOCAL_ANSWER, home, command=["c", "-p"], inherited=inherited)

    assert launch.argv == ("c", "--m", "-p")
    assert launch.environment == {
        "C2": "kept",
        "A": f"{home.path}/x",
        "KIRIKAE_BACKEND": "local",
        "KIRIKAE_RUNTIME_URL": "http://127.0.0.1:9",
        "KIRIKAE_MODEL": "tiny-byte",
    }


@pytest.mark.parametrize(
    ("arguments", "undoing"),
    [
        (["-p", "hi"], None),
        (["--model", "opus"], "--model"),
        (["--mcp-config=x"], "--mcp-config"),
        (["agents"], "agents"),
        (["-p", "agents"], "agents"),
        (["--verbose", "mcp", "serve"], "mcp"),
        (["--remote-control"], "--remote-control"),
        (["--rc=name"], "--rc"),
        (["--sdk-url", "wss://elsewhere.example"], "--sdk-url"),
        (["--cloud", "fix it"], "--cloud"),
        (["--plugin-url=https://elsewhere.example"], "--plugin-url"),
        (["--add-dir", "/x"], None),
    ],
)
def test_arguments_that_undo_the_protection_are_known(arguments: list[str], undoing: str | None) -> None:
    assert find_undoing_argument("claude", arguments) == undoing


@pytest.mark.parametrize(
    ("arguments", "undoing"),
    [
        (["ANTHROPIC_BASE_URL=https://api.anthropic.com", "claude"], "claude"),
        (["-u", "ANTHROPIC_BASE_URL", "/opt/bin/codex"], "codex"),
        (["client.py", "ask claude about it"], None),
    ],
)
def test_a_program_that_would_start_a_known_client_is_refused(arguments: list[str], undoing: str | None) -> None:
    assert find_undoing_argument("other", arguments) == undoing


def test_a_link_to_a_client_is_that_client(record: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "cc").symlink_to("claude")
    (tmp_path / "bin" / "c").symlink_to(tmp_path / "bin" / "cc")

    assert [client_name(name) for name in ("c", str(tmp_path / "bin" / "cc"), "Claude")] == ["claude"] * 3


def test_added_folders_of_the_client_are_read() -> None:
    arguments = ["--add-dir", "/a", "/b", "-p", "x", "--add-dir=/c", "y"]

    assert [str(folder) for folder in added_folders("claude", arguments)] == ["/a", "/b", "/c"]


def test_a_client_is_known_by_its_program() -> None:
    assert (client_name("/opt/bin/claude"), client_name("python3")) == ("claude", "other")
    assert [client_mode("claude", ["-p"]), client_mode("claude", []), client_mode("other", ["-p"])] == [
        "print",
        "tui",
        None,
    ]
