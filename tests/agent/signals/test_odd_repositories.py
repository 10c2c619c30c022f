"""Signals of repositories as they really are: many remotes, odd names, links, conditional configuration, ssh's own."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kirikae.engine.wire import request_from_document
from kirikae.home import Home
from kirikae.signals import ssh_hosts
from kirikae.signals.projects import collect_projects
from kirikae.signals.ssh_hosts import SshCommand, read_ssh_command, resolve_ssh_remote

type Git = Callable[..., str]


@pytest.fixture
def repository(git: Git, tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "acme" / "app"
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", "git@github.com:acme/app.git")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def remotes_of(project: dict[str, object]) -> list[dict[str, str]]:
    remotes: Any = project["remotes"]
    return list(remotes)


def is_taken(projects: list[dict[str, object]]) -> bool:
    return bool(request_from_document({"task": "commit-message", "projects": projects}).projects)


@pytest.mark.slow
def test_thirty_remotes_are_all_told(home: Home, git: Git, repository: Path) -> None:
    for number in range(29):
        git(repository, "remote", "add", f"fork-{number}", f"https://git.example.org/fork-{number}/app.git")

    projects = collect_projects(home, [repository])

    assert len(remotes_of(projects[0])) == 30
    assert is_taken(projects)


@pytest.mark.slow
def test_a_clone_of_a_clone_has_the_remotes_of_both(home: Home, git: Git, repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "a copy")
    git(tmp_path, "clone", "-q", f"file://{tmp_path}/a%20copy", "second")
    git(tmp_path / "second", "remote", "add", "mine", "https://github.com/ben/app.git")
    # A circle ends.
    git(repository, "remote", "add", "back", str(tmp_path / "second"))

    (project,) = collect_projects(home, [tmp_path / "second"])

    assert {"raw": "git@github.com:acme/app.git", "url": "git@github.com:acme/app.git"} in remotes_of(project)
    assert project["complete"] is True


@pytest.mark.slow
def test_a_worktree_and_a_local_clone_have_paths_and_markers_of_where_they_come_from(
    home: Home, git: Git, repository: Path, tmp_path: Path
) -> None:
    (repository / ".kirikae.toml").write_text('markers = ["acme"]\n')
    git(repository, "worktree", "add", "-q", str(tmp_path / "aside "), "-b", "aside")
    git(tmp_path, "clone", "-q", str(tmp_path / "aside "), "copy")

    for folder in ("aside ", "copy"):
        (project,) = collect_projects(home, [tmp_path / folder])

        assert project["markers"] == ["acme"]
        paths: Any = project["paths"]
        assert "~/work/acme/app" in paths
        # What is remembered as the folder of the work.
        assert paths[-1] == f"~/{folder}"
        assert is_taken([project])


@pytest.mark.slow
def test_more_clones_of_clones_than_are_followed_make_the_project_incomplete(
    home: Home, git: Git, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kirikae.signals.sources.MAX_SOURCES", 1)
    git(tmp_path, "clone", "-q", str(repository), "copy")
    git(tmp_path / "copy", "remote", "add", "mine", "https://github.com/ben/app.git")

    (project,) = collect_projects(home, [tmp_path / "copy"])

    assert project["complete"] is False


@pytest.mark.parametrize("name", ["new\nline", 'it\'s "quoted"', "$(touch x) `y`", " spaces ", "日本語", "-rf"])
def test_a_folder_may_have_any_name(home: Home, git: Git, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", "https://git.example.org/acme/app.git")

    projects = collect_projects(home, [folder])

    assert projects[0]["paths"] == [f"~/{name}"]
    assert remotes_of(projects[0])[0]["url"] == "https://git.example.org/acme/app.git"
    assert is_taken(projects)


def test_a_name_that_is_no_text_makes_the_project_incomplete(home: Home, git: Git, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", "https://git.example.org/acme/app.git")

    projects = collect_projects(home, [folder])

    assert (projects[0]["paths"], projects[0]["complete"]) == (["~/caf\ufffd"], False)
    json.dumps(projects, ensure_ascii=False).encode()


def test_configuration_that_holds_only_below_a_folder_counts_there(home: Home, git: Git, repository: Path) -> None:
    work = repository.parent
    (work / "gitconfig").write_text('[url "ssh://git@git.acme.example/"]\n\tinsteadOf = acme:\n')
    git(repository, "config", "--global", f"includeIf.gitdir:{work}/.path", str(work / "gitconfig"))
    git(repository, "remote", "set-url", "origin", "acme:app.git")

    (project,) = collect_projects(home, [repository])

    assert remotes_of(project) == [{"raw": "acme:app.git", "url": "ssh://git@git.acme.example/app.git"}]


def test_a_submodule_that_git_added_is_a_project_and_so_is_what_is_around_it(
    home: Home, git: Git, repository: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    git(library, "init", "-q")
    git(library, "commit", "-q", "--allow-empty", "-m", "first")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "vendor/library")

    outer = collect_projects(home, [repository])
    inner = collect_projects(home, [repository / "vendor" / "library"])

    assert [(one["role"], one["paths"]) for one in outer] == [
        ("cwd", ["~/work/acme/app"]),
        ("submodule", ["~/library", "~/work/acme/app/vendor/library"]),
    ]
    assert [one["role"] for one in inner] == ["cwd", "enclosing"]
    assert remotes_of(inner[1])[0]["raw"] == "git@github.com:acme/app.git"


def test_a_worktree_of_a_worktree_has_the_root_commits_of_the_repository(
    home: Home, git: Git, repository: Path, tmp_path: Path
) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "one"), "-b", "one")
    git(tmp_path / "one", "worktree", "add", "-q", str(tmp_path / "two"), "-b", "two")

    (project,) = collect_projects(home, [tmp_path / "two"])

    assert project["root_commits"] == [git(repository, "rev-parse", "HEAD")]
    assert project["complete"] is True


def test_configuration_of_one_worktree_alone_counts_there(
    home: Home, git: Git, repository: Path, tmp_path: Path
) -> None:
    git(repository, "config", "extensions.worktreeConfig", "true")
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "side")
    git(tmp_path / "tree", "config", "--worktree", "remote.client.url", "https://git.client.example/app.git")

    (project,) = collect_projects(home, [tmp_path / "tree"])

    assert {"raw": "https://git.client.example/app.git", "url": "https://git.client.example/app.git"} in remotes_of(
        project
    )


def test_a_link_into_a_repository_tells_where_it_leads(home: Home, git: Git, repository: Path, tmp_path: Path) -> None:
    (repository / "src").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "src").symlink_to(repository / "src")

    (project,) = collect_projects(home, [tmp_path / "notes" / "src"])

    assert set(project["paths"]) == {"~/notes/src", "~/work/acme/app/src", "~/work/acme/app"}  # type: ignore[call-overload] # a list of texts
    assert remotes_of(project)


def test_a_circle_of_links_is_a_folder_without_git(home: Home, git: Git, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    projects = collect_projects(home, [tmp_path / "a"])

    assert remotes_of(projects[0]) == []


def test_root_commits_are_kept_by_the_commit_that_is_checked_out(
    home: Home, git: Git, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = collect_projects(home, [repository])
    monkeypatch.setattr("kirikae.signals.projects.find_root_commits", lambda *_, **__: pytest.fail("walked again"))

    (again,) = collect_projects(home, [repository])

    assert again["root_commits"] == first["root_commits"] != []


def test_a_branch_without_commits_has_the_beginnings_of_the_others(home: Home, git: Git, repository: Path) -> None:
    root = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "--orphan", "clean")

    (project,) = collect_projects(home, [repository])

    assert project["root_commits"] == [root]


def test_a_history_that_takes_too_long_is_no_answer_where_a_rule_needs_it(
    home: Home, git: Git, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROOTS_TIMEOUT_S", "NEEDED_ROOTS_TIMEOUT_S"):
        monkeypatch.setattr(f"kirikae.signals.git.{name}", 0.0)

    (hasty,) = collect_projects(home, [repository])
    (strict,) = collect_projects(home, [repository], needs_roots=lambda: True)

    assert (hasty["root_commits"], hasty["complete"]) == (None, True)
    assert (strict["root_commits"], strict["complete"]) == (None, False)


def test_history_with_two_beginnings_tells_both(home: Home, git: Git, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "--orphan", "other")
    git(repository, "commit", "-q", "--allow-empty", "-m", "another beginning")
    second = git(repository, "rev-parse", "HEAD")
    git(repository, "merge", "-q", "--allow-unrelated-histories", "-m", "both", first)

    (project,) = collect_projects(home, [repository])

    assert project["root_commits"] == sorted([first, second])


def test_replacements_and_grafts_do_not_change_the_root_commit(home: Home, git: Git, repository: Path) -> None:
    root = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(repository, "replace", "--graft", "HEAD")
    (repository / ".git" / "info" / "grafts").write_text(git(repository, "rev-parse", "HEAD") + "\n")

    (project,) = collect_projects(home, [repository])

    assert project["root_commits"] == [root]


@pytest.fixture
def ssh(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real ssh, reading a configuration of the test's; ssh takes the user's home from the system, not from HOME."""
    program = shutil.which("ssh", path=os.environ["PATH"].partition(os.pathsep)[2])
    if program is None:
        pytest.fail("ssh is missing: install openssh-client.", pytrace=False)
    config = tmp_path / "ssh_config"
    wrapper = tmp_path / "bin" / "ssh"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *"-F none"*) exec {program} "$@";; esac\nexec {program} -F {config} "$@"\n'
    )
    ssh_hosts._ask_ssh.cache_clear()
    return config


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("git@work:acme/app.git", "ssh://git@git.acme.example/acme/app.git"),
        ("ben@work:acme/app.git", "ssh://ben@private.example:2222/acme/app.git"),
        ("ssh://git@work:2200/acme/app.git", "ssh://git@git.acme.example:2200/acme/app.git"),
        ("included:acme/app.git", "ssh://github.com/acme/app.git"),
        ("git@github.com:acme/app.git", "git@github.com:acme/app.git"),
    ],
)
def test_the_real_ssh_tells_where_an_alias_leads_for_this_user(ssh: Path, url: str, resolved: str) -> None:
    (ssh.parent / "more").write_text("Host included\n  HostName github.com\n")
    ssh.write_text(
        f"Include {ssh.parent}/more\n"
        "Match originalhost work user ben\n  HostName private.example\n  Port 2222\n"
        "Host work\n  HostName git.acme.example\n"
    )

    assert resolve_ssh_remote(url) == resolved


@pytest.mark.parametrize(
    "command",
    ["ssh", "/usr/bin/ssh -i ~/.ssh/acme -o IdentitiesOnly=yes", "ssh -i'key with space' -q -4", "ssh -oBatchMode=yes"],
)
def test_a_command_that_only_chooses_a_key_changes_nothing(command: str) -> None:
    assert read_ssh_command(command) == SshCommand(reads_configuration=True)


def test_a_command_without_configuration_leaves_aliases_unresolved(ssh: Path) -> None:
    ssh.write_text("Host work\n  HostName git.acme.example\n")

    command = read_ssh_command("ssh -i key -F /dev/null")

    assert command == SshCommand(reads_configuration=False)
    assert resolve_ssh_remote("git@work:acme/app.git", command) == "git@work:acme/app.git"
    assert resolve_ssh_remote("git@work:acme/app.git") == "ssh://git@git.acme.example/acme/app.git"


@pytest.mark.parametrize(
    "command",
    [
        "ssh -F ~/.ssh/other",
        "ssh -o HostName=evil.example",
        "ssh -o 'HostName evil.example'",
        "ssh -J jump",
        "ssh host",
        "tsh ssh",
        "sh -c 'ssh x'",
        "ssh 'unbalanced",
        "",
        "ssh -o",
        "plink",
    ],
)
def test_a_command_that_may_lead_elsewhere_makes_the_project_incomplete_and_is_never_run(
    home: Home, git: Git, repository: Path, command: str
) -> None:
    git(repository, "config", "core.sshCommand", command)

    (project,) = collect_projects(home, [repository])

    assert project["complete"] is False
    assert remotes_of(project) == [{"raw": "git@github.com:acme/app.git", "url": "git@github.com:acme/app.git"}]


def test_such_a_command_does_not_matter_to_https(home: Home, git: Git, repository: Path) -> None:
    git(repository, "config", "core.sshCommand", "tsh ssh")
    git(repository, "remote", "set-url", "origin", "https://github.com/acme/app.git")

    (project,) = collect_projects(home, [repository])

    assert project["complete"] is True
