"""`kirikae shell-init`: short names and completion, read by the shells themselves where they are installed."""

import shutil
import subprocess

import pytest
from kirikae.cli import main
from kirikae.commands.shell_init import list_tasks
from kirikae.home import Home


def written(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["shell-init", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["zsh", "bash", "fish"])
def test_every_shell_gets_short_names_commands_options_and_tasks(
    synced: Home, shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = written(shell, capsys)

    assert "alias claude-local='kirikae run --task confidential-code -- claude'" in text
    assert "alias claude-cloud=" in text
    for word in ("service", "shell-init", "--context-tokens", "--dry-run", "--listen", "commit-message"):
        assert word in text


def test_bash_completes_commands_tasks_and_options(synced: Home, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [("kirikae sh", 1), ("kirikae ask commit", 2), ("kirikae run --dry", 2), ("kirikae service st", 2)]
    tries = [f'COMP_WORDS=({line}); COMP_CWORD={place}; _kirikae; echo "${{COMPREPLY[*]}}"' for line, place in asked]

    done = shell("bash", "\n".join([written("bash", capsys), *tries]))

    assert done.splitlines() == ["shell-init", "commit-message", "--dry-run", "status"]


def test_a_machine_without_a_policy_gets_everything_but_tasks(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_tasks(home) == []
    assert "--context-tokens" in written("zsh", capsys)


def test_names_of_tasks_are_never_shell(home: Home) -> None:
    home.write_json("bundle.json", {"sha256": "x"})
    home.write_json("bundles/x.json", {"policy": {"tasks": [{"id": "a'; rm -rf ~"}, {"id": 5}, 7, {"id": "ok-1"}]}})

    assert list_tasks(home) == ["ok-1"]


def test_an_unknown_shell_is_a_wrong_command_line(home: Home) -> None:
    assert main(["shell-init", "cmd"]) == 64


def shell(name: str, script: str) -> str:
    program = shutil.which(name) or pytest.fail(f"{name} is missing", pytrace=False)
    return subprocess.run([program, "--norc", "-c", script], capture_output=True, text=True, check=True).stdout
