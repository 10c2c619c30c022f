"""Answers for `eval`: real shells run them, whole, refused, failed and cut at every byte."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.test import Client

from routing.models import Decision
from routing.shell import shell_answer, shell_refusal

CLOSED = "kirikae_client() { return 5; }\n"
SHELLS = [name for name in ("bash", "dash", "sh", "zsh") if shutil.which(name)]
SH = {"Accept": "application/x-sh"}
ODD = 'a\'b "c" $HOME `id` \\ \n;}'


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    """A `claude` that writes down how it was started."""
    client = tmp_path / "bin" / "claude"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\n{{ printf "[%s]" "$@"; echo; env; }} > {tmp_path}/launched\n')
    client.chmod(0o755)
    return client.parent


@pytest.fixture
def run(bin_dir, tmp_path):
    """Run a script with the fake client first on the path; gives the process and what was launched."""

    def run_script(shell: str, script: str, **variables: str) -> tuple[subprocess.CompletedProcess[bytes], str]:
        environment = {**os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}", "HOME": "/home/ben", **variables}
        launched = tmp_path / "launched"
        launched.unlink(missing_ok=True)
        done = subprocess.run([shell, "-c", script], env=environment, capture_output=True, timeout=60, check=False)
        return done, launched.read_text() if launched.exists() else ""

    return run_script


def answer_of(**launch: object) -> dict[str, object]:
    recipe = {"profile": "slim", "env": {}, "unset": [], "args": [], **launch}
    return {"backend": "local", "refusal": None, "alternatives": [], "launch": recipe}


WHOLE = shell_answer(
    answer_of(
        env={"ANTHROPIC_BASE_URL": "http://127.0.0.1:8080", "ODD": ODD, "CLAUDE_CONFIG_DIR": "{kirikae_home}/日本"},
        unset=["ANTHROPIC_*", "*_PROXY", "SECRET"],
        args=["--settings", ODD],
    ),
    client="claude",
)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_client_runs_with_the_answers_environment_and_arguments(run, shell, tmp_path):
    (tmp_path / "answer").write_text(WHOLE)
    script = f'{CLOSED}eval "$(cat {tmp_path}/answer)"; kirikae_client -p "a  b" ""; echo "$? $KIRIKAE_BACKEND"'

    done, launched = run(
        shell,
        f"{script}; export -p",
        ANTHROPIC_API_KEY="k",
        HTTPS_PROXY="p",
        SECRET="s",
        SECRETS="kept",
        KIRIKAE_HOME="/k h",
    )

    said = done.stdout.decode()
    assert f"[--settings][{ODD}][-p][a  b][]" in launched
    assert "ANTHROPIC_BASE_URL=http://127.0.0.1:8080\n" in launched
    assert f"ODD={ODD}\n" in launched
    assert "CLAUDE_CONFIG_DIR=/k h/日本\n" in launched
    assert "KIRIKAE_BACKEND=local\n" in launched
    assert "SECRETS=kept\n" in launched
    assert not any(name in launched for name in ("ANTHROPIC_API_KEY", "HTTPS_PROXY", "SECRET=s"))
    assert said.startswith("0 local\n")
    assert not any(name in said for name in ("KIRIKAE_BACKEND=", "ANTHROPIC_BASE_URL", "ODD"))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("options", ["", "set -e; ", "set -u; ", "IFS=E; "], ids=["plain", "-e", "-u", "odd IFS"])
def test_odd_settings_of_the_calling_shell_let_nothing_through(run, shell, options, tmp_path):
    (tmp_path / "answer").write_text(WHOLE)

    _done, launched = run(
        shell, f'{CLOSED}{options}eval "$(cat {tmp_path}/answer)"; kirikae_client', ANTHROPIC_AUTH_TOKEN="k"
    )

    assert "ANTHROPIC_BASE_URL=http://127.0.0.1:8080\n" in launched
    assert "ANTHROPIC_AUTH_TOKEN" not in launched


@pytest.mark.parametrize("shell", SHELLS)
def test_a_variable_marked_readonly_does_not_reach_the_client(run, shell, tmp_path):
    (tmp_path / "answer").write_text(WHOLE)
    script = f'{CLOSED}readonly ANTHROPIC_API_KEY; eval "$(cat {tmp_path}/answer)"; kirikae_client'

    _done, launched = run(shell, script, ANTHROPIC_API_KEY="k")

    assert launched
    assert "ANTHROPIC_API_KEY" not in launched


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", [WHOLE, shell_refusal(["Kirikae: 実行不可"])], ids=["answer", "refusal"])
def test_a_body_cut_at_any_byte_launches_nothing(run, shell, text, tmp_path):
    body = text.encode()
    end = body.rindex(b"}")
    for length in range(end + 1):
        (tmp_path / f"cut{length}").write_bytes(body[:length])
    # One shell for all cuts, each in a subshell of its own: a syntax error ends only that.
    script = f"""
n=0
while [ $n -le {end} ]; do
  ( {CLOSED} eval "$(cat {tmp_path}/cut$n)"; kirikae_client -p hi ) 2>/dev/null
  [ $? -ne 0 ] || echo "launched or succeeded at $n"
  n=$((n + 1))
done
echo done"""

    done, launched = run(shell, script)

    assert done.stdout.decode() == "done\n"
    assert launched == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_refusal_prints_its_reason_and_returns_3(run, shell, tmp_path, service):
    body = service.client.get("/api/v1/decide", {"task": "confidential-code"}, headers=SH)
    (tmp_path / "answer").write_bytes(body.content)

    done, launched = run(shell, f'{CLOSED}eval "$(cat {tmp_path}/answer)"; kirikae_client; echo "$? $KIRIKAE_BACKEND"')

    assert (body.status_code, body["Content-Type"]) == (200, "application/x-sh; charset=utf-8")
    assert done.stdout.decode() == "3 none\n"
    assert Decision.objects.get().answer["refusal"]["text"] in done.stderr.decode()
    assert launched == ""


def test_a_real_answer_names_the_client_that_asked(ben_mini):
    body = ben_mini.client.get("/api/v1/decide", {"task": "commit-message", "client": "codex"}, headers=SH)

    assert body.content.decode().startswith("kirikae_client() {\n  KIRIKAE_BACKEND='local'\n")
    assert " codex " in body.content.decode()


def _crash(*_args: object, **_options: object) -> None:
    raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("status", "path", "headers"),
    [
        (400, "/api/v1/decide?task=unknown", {}),
        (401, "/api/v1/decide?task=commit-message", {"Authorization": ""}),
        (403, "/api/v1/decide?task=commit-message&machine=m_other", {}),
        (404, "/api/v1/decid?task=commit-message", {}),
        (406, "/api/v1/decisions", {}),
        (429, "/api/v1/decide?task=commit-message", {}),
        (500, "/api/v1/decide?task=commit-message", {}),
    ],
)
def test_every_error_is_still_shell_that_launches_nothing(run, ben_mini, monkeypatch, status, path, headers):
    if status == 429:
        monkeypatch.setattr("routing.rate.DECISIONS_PER_MINUTE", 0)
    if status == 500:
        monkeypatch.setattr("routing.api.decide_and_log", _crash)
    ben_mini.client.raise_request_exception = False

    response = ben_mini.client.get(path, headers={**SH, **headers})

    assert (response.status_code, response["Content-Type"]) == (status, "application/x-sh; charset=utf-8")
    for shell in SHELLS:
        done, launched = run(shell, f'{CLOSED}eval "$BODY"; kirikae_client; echo $?', BODY=response.content.decode())
        assert done.stdout.decode() == "3\n"
        assert b"Kirikae did not decide" in done.stderr
        assert launched == ""


def test_a_body_over_the_limit_is_refused_as_shell(ben_mini):
    response = ben_mini.client.generic(
        "POST", "/api/v1/decisions", b"[" * 70_000, content_type="application/json", headers=SH
    )

    assert response.status_code == 413
    assert response.content.startswith(b"kirikae_client() {\n  KIRIKAE_BACKEND='none'\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_with_the_portal_away_the_documented_use_stays_closed(run, shell):
    script = f'{CLOSED}eval "$(curl -s http://127.0.0.1:9/api/v1/decide)"; kirikae_client; echo $?'

    done, launched = run(shell, script)

    assert done.stdout.decode() == "5\n"
    assert launched == ""


def test_control_characters_of_a_text_do_not_reach_the_terminal():
    assert "\x1b" not in shell_refusal(["a\x1b[31mb\u202ec"])


def test_a_recipe_with_an_impossible_name_is_refused():
    text = shell_answer(answer_of(env={"A;id": "x"}), client=None)

    assert "return 3" in text
    assert "id" not in text.replace("did", "")


def test_an_error_page_for_browsers_stays_what_it_is(db):
    response = Client().get("/nowhere", headers=SH)

    assert not response.content.startswith(b"kirikae_client")
