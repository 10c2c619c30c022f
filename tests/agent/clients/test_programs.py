"""Programs are found where a shell finds them, and not in the folder one happens to stand in."""

from pathlib import Path

import pytest
from kirikae.clients.programs import find_program, find_tool


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "bin" / "claude"
    file.parent.mkdir()
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_the_first_on_the_path_is_found(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"/nonexistent:{program.parent}:/bin")

    assert find_program("claude") == str(program)
    assert find_program("no-such-program") is None


def test_a_name_with_a_slash_is_taken_as_it_is(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(program.parent)

    assert find_program("./claude") == "./claude"
    assert find_program(str(program)) == str(program)
    assert find_program("./other") is None


def test_folders_and_files_that_may_not_run_are_no_programs(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    program.chmod(0o644)
    (program.parent / "folder").mkdir()

    assert find_program("claude") is None
    assert find_program("folder") is None


def test_the_current_folder_is_not_searched(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(program.parent)
    monkeypatch.setenv("PATH", ":/nonexistent:")

    assert find_program("claude") is None


@pytest.mark.parametrize("entry", [".", "bin", "../kirikae/bin"])
def test_a_folder_that_counts_from_the_current_one_is_not_searched(
    program: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    monkeypatch.chdir(program.parent.parent)
    monkeypatch.setenv("PATH", entry)

    assert find_program("claude") is None


def test_git_and_ssh_are_none_that_the_project_brings(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "app"
    brought = project / "node_modules" / ".bin" / "git"
    for file in (brought, program.with_name("git")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    (project / ".git").mkdir()
    (tmp_path / "link").symlink_to(brought.parent)
    monkeypatch.setenv("PATH", f"{brought.parent}:{tmp_path / 'link'}:{program.parent}")

    assert find_program("git") == str(brought)
    assert find_tool("git", str(project)) == str(program.with_name("git"))
    monkeypatch.chdir(brought.parent)
    assert find_tool("git") == str(program.with_name("git"))
