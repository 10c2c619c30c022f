"""`kirikae ask` from the verified bundle, with the portal away."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kirikae.cli import main
from kirikae.engine.wire import canonical_answer
from kirikae.home import Enrolment, Home
from kirikae.moments import write_moment
from kirikae.policy.bundle_store import accept_bundle

from tests.agent.conftest import PROTECTED, Git
from tests.agent.portal import Portal, payload_of
from tests.agent.standin import hang, standin

OPEN = {"identified": "cloud_ok", "anonymous": "local_only"}
HARMLESS_IMPORTS = ("httpx", "cryptography", "ssl", "http.client")


def ask(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert main(["ask", *arguments, "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def policy_of(document: dict[str, object]) -> dict[str, Any]:
    policy = document["policy"]
    assert isinstance(policy, dict)
    return policy


def age(home: Home, *, by: timedelta) -> None:
    """As if the portal had last confirmed the policy that long ago."""
    home.write_json("seen.json", home.read_json("seen.json") | {"checked_at": write_moment(datetime.now(UTC) - by)})


def test_protected_work_stays_on_this_machine(
    synced: Home, runtime_url: str, protected_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = ask(capsys, "architecture-design")

    assert document["backend"] == "local"
    assert document["decided_by"] == "agent"
    assert document["runtime"] == {"kind": "llama_cpp", "version": "b1-7e4c0a9", "base_url": runtime_url}
    assert document["machine"] == "m_1"
    assert document["privacy"] == {
        "effect": "local_only",
        "classification": "nda",
        "floor": None,
        "rules": ["nda-acme"],
        "exceptions": [],
    }


def test_protected_work_without_a_runtime_is_refused_with_exit_code_3(
    synced: Home, protected_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = ask(capsys, "architecture-design", code=3)

    assert document["backend"] == "none"


def test_an_added_protected_folder_protects_the_whole_session(
    synced: Home,
    runtime_url: str,
    protected_project: Path,
    open_project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ask(capsys, "architecture-design")["backend"] == "cloud"

    assert ask(capsys, "architecture-design", "--project", str(protected_project))["backend"] == "local"


def test_open_work_that_needs_reasoning_goes_to_the_cloud(
    synced: Home, runtime_url: str, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "architecture-design"]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "cloud"
    assert "policy revision 1" in said[-1]


def test_the_same_question_gets_the_same_canonical_answer(
    synced: Home, runtime_url: str, protected_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = ask(capsys, "commit-message"), ask(capsys, "commit-message")

    assert first["id"] != second["id"]
    assert canonical_answer(first) == canonical_answer(second)


def test_the_trace_is_told_stage_by_stage(
    synced: Home, runtime_url: str, protected_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "commit-message", "--why"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("local: tiny-byte F16 at http://127.0.0.1:")
    assert said.index("\n Privacy\n") < said.index("\n Feasibility\n") < said.index("\n Preference\n")


def test_the_answer_is_told_in_japanese(
    synced: Home,
    runtime_url: str,
    protected_project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "ja")

    assert main(["ask", "commit-message", "--why"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("ローカル: tiny-byte")
    titles = ["保護", "実行できるか", "優先", "モデルの選択", "代わり", "義務"]
    assert [line.strip() for line in said.splitlines() if line.strip() in titles] == titles


def test_a_shallow_clone_is_unknown_to_a_rule_by_first_commits_and_told_what_to_type(
    home: Home, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        git(tmp_path / "app", "init", "-q")
        git(tmp_path / "app", "commit", "-q", "--allow-empty", "-m", str(number))
    root = git(tmp_path / "app", "rev-list", "--max-parents=0", "HEAD")
    rule = {**PROTECTED, "match": {"root_commits": [root]}}
    portal = Portal(payload=payload_of(unclassified=OPEN, privacy_rules=[rule]))
    enrolment = Enrolment("http://127.0.0.1:9", machine="m_1", name="ben-mini", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=datetime.now(UTC))
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tmp_path / 'app'}", "fork")
    git(tmp_path / "fork", "remote", "set-url", "origin", "https://github.com/ben/fork.git")
    monkeypatch.chdir(tmp_path / "fork")

    assert main(["ask", "architecture-design"]) == 3
    assert "git fetch --unshallow" in capsys.readouterr().out

    git(tmp_path / "fork", "fetch", "-q", "--unshallow", f"file://{tmp_path / 'app'}")
    assert main(["ask", "architecture-design"]) == 3
    said = capsys.readouterr().out
    assert "unshallow" not in said
    assert "nda-acme" in said


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (".kirikae.toml", "markers = [", 'cannot be read as `markers = ["name"]`'),
        (".gitmodules", "[submodule", "git cannot read"),
        (".git/config", "[remote", "git does not open the repository"),
    ],
)
@pytest.mark.usefixtures("runtime_url")
def test_a_file_that_makes_the_project_unknown_is_named(
    synced: Home, open_project: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, sentence: str
) -> None:
    (open_project / name).write_text(content)

    assert main(["ask", "architecture-design"]) == 0
    said = capsys.readouterr().out

    assert sentence in said
    assert "~/site" in said
    assert said.startswith("local")
    main(["run", "--dry-run", "--task", "architecture-design", "--", "claude"])
    assert sentence in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named_and_nothing_is_judged(
    synced: Home, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("../nowhere", "x" * 5000):
        assert main(["ask", "architecture-design", "--project", folder]) == 64
        assert capsys.readouterr().err.startswith(f"There is no folder {folder};")


@pytest.mark.slow
def test_more_remotes_than_are_judged_are_counted_and_told(
    synced: Home, git: Git, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = "".join(f'[remote "r{number}"]\nurl = https://git.example.org/{number}\n' for number in range(64))
    with (open_project / ".git" / "config").open("a") as file:
        file.write(config)

    assert main(["ask", "architecture-design"]) == 64

    assert "The repository ~/site has 65 addresses of remotes, and 64 are the most" in capsys.readouterr().err


@pytest.mark.usefixtures("protected_project", "runtime_url")
def test_benchmarks_that_cannot_be_read_count_as_none(synced: Home, capsys: pytest.CaptureFixture[str]) -> None:
    synced.write_json("benchmarks.json", {"benchmarks": [{"model": 5}]})

    assert ask(capsys, "architecture-design")["backend"] == "local"
    assert main(["fit"]) == 0


@pytest.mark.usefixtures("protected_project", "runtime_url")
@pytest.mark.parametrize("kind", ["of-tomorrow", 5, ["ollama"]])
def test_a_kept_report_of_another_version_is_forgotten(
    synced: Home, capsys: pytest.CaptureFixture[str], kind: object
) -> None:
    runtime = {"kind": kind, "base_url": "http://127.0.0.1:9", "state": "up", "models": []}
    synced.write_json("report.json", {"runtimes": [runtime]})

    assert ask(capsys, "architecture-design")["backend"] == "local"


def test_an_unknown_task_is_an_error_that_names_the_known_ones(
    synced: Home, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "make-coffee"]) == 64

    said = capsys.readouterr().err
    assert said.startswith("There is no task category 'make-coffee'; known: ")
    assert "commit-message" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ask", "t", "--context-tokens", "-5"], "argument --context-tokens: '-5' is no whole number"),
        (["ask", "t", "--parallel-agents", "0"], "argument --parallel-agents: '0' is no whole number"),
        (
            ["ask", "t", "--needs", "tools,legs"],
            "argument --needs: 'legs' is none of what a task may need: tools, vision",
        ),
    ],
)
def test_an_option_that_cannot_be_meant_is_named(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(arguments) == 64

    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["ask"], ["ask", "t", "--context-tokens", "many"], ["ask", "t", "--bad"], ["nothing"], ["run"]]
)
def test_a_wrong_command_line_exits_with_64(home: Home, arguments: list[str]) -> None:
    assert main(arguments) == 64


def test_a_machine_without_a_policy_exits_with_5(
    home: Home, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "commit-message"]) == 5

    assert "kirikae sync" in capsys.readouterr().err


def test_a_policy_that_was_not_confirmed_for_a_day_is_expired_and_closes(
    synced: Home, runtime_url: str, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    age(synced, by=timedelta(days=2))

    document = ask(capsys, "architecture-design")

    assert policy_of(document)["state"] == "expired"
    assert document["backend"] == "local"


def test_a_stale_policy_goes_on_and_says_so_while_the_portal_is_away(
    synced: Home, runtime_url: str, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    age(synced, by=timedelta(hours=1))

    document = ask(capsys, "architecture-design")

    policy = policy_of(document)
    assert (document["backend"], policy["state"]) == ("cloud", "stale")
    assert 3600 <= policy["age_s"] < 3700


def test_a_cloud_answer_from_a_stale_policy_asks_the_portal_first(
    home: Home, portal: Portal, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(portal) as url:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=datetime.now(UTC))
        assert ask(capsys, "architecture-design")["backend"] == "cloud"
        assert portal.requests == []

        age(home, by=timedelta(hours=1))
        portal.payload = payload_of(revision=2, unclassified={"identified": "block", "anonymous": "block"})
        document = ask(capsys, "architecture-design", code=3)

    assert document["backend"] == "none"
    assert len(portal.requests) == 1


def test_a_confirmed_policy_is_fresh_again(
    home: Home, portal: Portal, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(portal) as url:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=datetime.now(UTC))
        age(home, by=timedelta(hours=1))

        first, second = ask(capsys, "architecture-design"), ask(capsys, "architecture-design")

    for document in (first, second):
        policy = policy_of(document)
        assert (policy["revision"], policy["state"]) == (1, "fresh")
    assert len(portal.requests) == 1


@pytest.mark.slow
def test_a_portal_that_hangs_holds_a_cloud_answer_for_a_moment_only(
    home: Home, portal: Portal, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(hang) as url:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=datetime.now(UTC))
        age(home, by=timedelta(hours=1))
        started = time.monotonic()
        document = ask(capsys, "architecture-design")

    assert document["backend"] == "cloud"
    assert time.monotonic() - started < 10  # the portal never answers


@pytest.mark.slow
def test_asking_imports_no_client_of_the_network(synced: Home, protected_project: Path, runtime_url: str) -> None:
    script = (
        "import sys; from kirikae.cli import main; main(['ask', 'commit-message', '--json']);"
        f"print(sorted(set({HARMLESS_IMPORTS!r}) & set(sys.modules)), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


@pytest.mark.slow
def test_asking_does_not_wait_for_a_runtime_that_never_answers(
    synced: Home, protected_project: Path, runtime_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()

    def keep_back(_request: bytes, _send: Callable[[bytes], None]) -> None:
        is_over.wait(60)

    with standin(keep_back) as hanging:
        monkeypatch.setenv("KIRIKAE_RUNTIMES", f"{hanging},{runtime_url}")
        # The other has time enough on a busy machine, the hanging one none of any length.
        script = "import kirikae.collect.facts_reader as reader; reader.ASK_BUDGET_S = 3.0; "
        script += "import sys; from kirikae.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", script, "ask", "commit-message", "--json"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        is_over.set()

    answer = json.loads(done.stdout)
    assert answer["runtime"]["base_url"] == runtime_url
    assert "runtime_broken" in [reason["code"] for reason in answer["reasons"]]


@pytest.mark.parametrize("is_cut_off", [False, True])
def test_a_rule_by_first_commit_holds_also_where_the_walk_is_cut_off(
    home: Home,
    open_project: Path,
    git: Git,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_cut_off: bool,
) -> None:
    git(open_project, "commit", "-q", "--allow-empty", "-m", "first")
    match = {"root_commits": [git(open_project, "rev-parse", "HEAD")]}
    portal = Portal(payload=payload_of(unclassified=OPEN, privacy_rules=[PROTECTED | {"match": match}]))
    enrolment = Enrolment("http://127.0.0.1:9", machine="m_1", name="ben-mini", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=datetime.now(UTC))
    if is_cut_off:
        monkeypatch.setattr("kirikae.signals.git.NEEDED_ROOTS_TIMEOUT_S", 0.0)

    document = ask(capsys, "architecture-design", code=3)

    privacy = document["privacy"]
    assert isinstance(privacy, dict)
    assert (privacy["effect"], privacy["rules"]) == ("local_only", [] if is_cut_off else ["nda-acme"])


@pytest.mark.slow
@pytest.mark.parametrize("command", [["ask", "commit-message"], ["run", "--", "claude"]])
def test_a_folder_that_was_removed_ends_with_one_sentence(synced: Home, tmp_path: Path, command: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'

    argv = ["sh", "-c", script, "sh", str(gone), sys.executable, "-I", "-m", "kirikae", *command]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (64, 1)
    assert "was removed" in done.stderr


@pytest.mark.slow
def test_a_terminal_without_the_letters_is_told_all_the_same(synced: Home, open_project: Path) -> None:
    terminal = {**os.environ, "PYTHONIOENCODING": "ascii", "KIRIKAE_LANG": "ja"}

    argv = [sys.executable, "-m", "kirikae", "ask", "architecture-design"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=terminal)

    assert (done.returncode, done.stderr) == (0, "")
    assert "?" in done.stdout
