"""Signals of real repositories."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from kirikae.home import Home
from kirikae.signals.git import Remote, remotes_of
from kirikae.signals.projects import collect_projects, home_relative
from kirikae.signals.ssh_hosts import resolve_ssh_remote

type Git = Callable[..., str]


@pytest.fixture
def repository(git: Git, tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "acme" / "app"
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", "git@github.com:acme/app.git")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_a_repository_tells_its_remote_root_commit_and_path(home: Home, git: Git, repository: Path) -> None:
    (project,) = collect_projects(home, [repository])

    assert project["remotes"] == [{"raw": "git@github.com:acme/app.git", "url": "git@github.com:acme/app.git"}]
    assert project["root_commits"] == [git(repository, "rev-parse", "HEAD")]
    assert project["paths"] == ["~/work/acme/app"]
    assert (project["role"], project["complete"], project["markers"]) == ("cwd", True, [])


def test_a_folder_inside_a_repository_tells_both_paths(home: Home, repository: Path) -> None:
    inner = repository / "src"
    inner.mkdir()

    (project,) = collect_projects(home, [inner])

    assert project["paths"] == ["~/work/acme/app/src", "~/work/acme/app"]


def test_a_folder_outside_git_has_no_remotes(home: Home, git: Git, tmp_path: Path) -> None:
    (project,) = collect_projects(home, [tmp_path])

    assert (project["remotes"], project["root_commits"], project["paths"]) == ([], [], ["~"])


def test_instead_of_is_resolved_as_git_does_and_the_raw_form_is_kept(home: Home, git: Git, repository: Path) -> None:
    git(repository, "config", "--global", "url.ssh://git@github.com/.insteadOf", "gh:")
    git(repository, "remote", "set-url", "origin", "gh:acme/app.git")

    (project,) = collect_projects(home, [repository])

    expected = git(repository, "ls-remote", "--get-url", "origin")
    assert project["remotes"] == [{"raw": "gh:acme/app.git", "url": expected}]
    assert expected == "ssh://git@github.com/acme/app.git"


def test_the_longest_prefix_wins_and_push_addresses_count() -> None:
    config = [
        ("url.https://a.example/.insteadof", "x:"),
        ("url.https://b.example/.insteadof", "x:y/"),
        ("url.https://c.example/.pushinsteadof", "x:"),
        ("remote.origin.url", "x:y/app"),
        ("remote.other.url", "x:app"),
        ("remote.other.pushurl", "x:push"),
    ]

    assert remotes_of(config) == [
        Remote("x:y/app", "https://b.example/app"),
        Remote("x:y/app", "https://c.example/y/app"),
        Remote("x:app", "https://a.example/app"),
        Remote("x:push", "https://a.example/push"),
    ]


def test_an_address_that_only_a_branch_names_is_a_remote() -> None:
    config = [("branch.main.remote", "https://github.com/acme/app"), ("branch.x.remote", "origin")]

    assert remotes_of(config) == [Remote("https://github.com/acme/app", "https://github.com/acme/app")]


def test_inherited_git_variables_do_not_hide_the_repository(
    home: Home, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    (project,) = collect_projects(home, [repository])

    assert project["remotes"]
    assert project["complete"] is True


def test_remotes_of_an_included_configuration_count(home: Home, git: Git, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "extra").write_text('[remote "client"]\n\turl = https://git.acme.example/app.git\n')
    git(repository, "config", "include.path", str(tmp_path / "extra"))

    (project,) = collect_projects(home, [repository])

    remotes = project["remotes"]
    assert isinstance(remotes, list)
    assert {"raw": "https://git.acme.example/app.git", "url": "https://git.acme.example/app.git"} in remotes


def test_a_worktree_has_the_remotes_of_its_repository(home: Home, git: Git, repository: Path, tmp_path: Path) -> None:
    worktree = tmp_path / "elsewhere" / "tree"
    git(repository, "worktree", "add", "-q", str(worktree), "-b", "side")

    (project,) = collect_projects(home, [worktree])

    assert project["remotes"] == [{"raw": "git@github.com:acme/app.git", "url": "git@github.com:acme/app.git"}]
    assert project["paths"] == ["~/work/acme/app", "~/elsewhere/tree"]


def test_a_repository_around_another_is_told_as_enclosing(home: Home, git: Git, repository: Path) -> None:
    inner = repository / "vendor" / "lib"
    git(inner, "init", "-q")

    projects = collect_projects(home, [inner])

    assert [(project["role"], project["paths"]) for project in projects] == [
        ("cwd", ["~/work/acme/app/vendor/lib"]),
        ("enclosing", ["~/work/acme/app"]),
    ]


def test_a_submodule_is_a_project_of_its_own(home: Home, git: Git, repository: Path) -> None:
    inner = repository / "sdk"
    git(inner, "init", "-q")
    (repository / ".gitmodules").write_text('[submodule "sdk"]\n\tpath = sdk\n\turl = ../sdk\n')

    projects = collect_projects(home, [repository])

    assert [(project["role"], project["paths"]) for project in projects] == [
        ("cwd", ["~/work/acme/app"]),
        ("submodule", ["~/work/acme/app/sdk"]),
    ]


def test_another_folder_is_told_as_added(home: Home, git: Git, repository: Path, tmp_path: Path) -> None:
    projects = collect_projects(home, [tmp_path / "work", repository])

    assert [project["role"] for project in projects] == ["cwd", "add_dir"]


def test_a_local_clone_has_the_remotes_of_what_it_was_cloned_from(
    home: Home, git: Git, repository: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", str(repository), "copy")

    (project,) = collect_projects(home, [tmp_path / "copy"])

    assert project["remotes"] == [
        {"raw": str(repository), "url": str(repository)},
        {"raw": "git@github.com:acme/app.git", "url": "git@github.com:acme/app.git"},
    ]


def test_a_shallow_clone_does_not_know_its_root_commits(home: Home, git: Git, repository: Path, tmp_path: Path) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")

    (project,) = collect_projects(home, [tmp_path / "shallow"])
    (needed,) = collect_projects(home, [tmp_path / "shallow"], needs_roots=lambda: True)

    assert (project["root_commits"], project["complete"]) == (None, True)
    assert (needed["root_commits"], needed["complete"]) == (None, False)


def test_a_repository_without_a_checkout_has_its_remotes(
    home: Home, git: Git, repository: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "app.git")

    for folder in (tmp_path / "app.git", tmp_path / "app.git" / "objects"):
        (project,) = collect_projects(home, [folder])
        assert project["remotes"]


def test_a_repository_that_git_does_not_open_is_incomplete(home: Home, repository: Path) -> None:
    (repository / ".git" / "HEAD").write_text("garbage")

    (project,) = collect_projects(home, [repository])

    assert (project["remotes"], project["root_commits"], project["complete"]) == (None, None, False)


def test_a_machine_without_git_is_incomplete(home: Home, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    (project,) = collect_projects(home, [repository])

    assert (project["remotes"], project["complete"]) == (None, False)


def test_markers_are_read_from_the_folder_and_those_around_it(home: Home, repository: Path) -> None:
    (repository / ".kirikae.toml").write_text('markers = ["acme"]\n')
    (repository.parent / ".kirikae.toml").write_text('markers = ["falcon", "acme"]\n')

    (project,) = collect_projects(home, [repository])

    assert project["markers"] == ["acme", "falcon"]


@pytest.mark.parametrize(
    "text",
    [
        "markers = [",
        "markers = 5\n",
        "markers = [5]\n",
        "",
        "markers = " + "[" * 5000,
        'markers = ["acme"]\n' + "#" * 5000,
    ],
)
def test_an_odd_marker_file_makes_the_project_incomplete(home: Home, repository: Path, text: str) -> None:
    (repository / ".kirikae.toml").write_text(text)

    (project,) = collect_projects(home, [repository])

    assert (project["markers"], project["complete"]) == (None, False)


@pytest.mark.parametrize("name", [".kirikae.toml", ".gitmodules"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_stands_in_the_place_of_a_file_makes_the_project_incomplete(
    home: Home, repository: Path, name: str, make: Callable[[Path], None]
) -> None:
    make(repository / name)

    (project,) = collect_projects(home, [repository])

    assert project["complete"] is False


def test_submodules_that_git_cannot_read_make_the_project_incomplete(home: Home, repository: Path) -> None:
    (repository / ".gitmodules").write_text('[submodule "sdk"]\n\tpath = sdk\n[submodule')

    (project,) = collect_projects(home, [repository])

    assert project["complete"] is False


def test_a_submodule_in_a_submodule_is_read_and_a_circle_ends(home: Home, git: Git, repository: Path) -> None:
    for outer, path in ((repository, "sdk"), (repository / "sdk", "core"), (repository / "sdk" / "core", "../..")):
        git(outer / path, "init", "-q")
        (outer / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = {path}\n')

    projects = collect_projects(home, [repository])

    assert [project["paths"] for project in projects] == [
        ["~/work/acme/app"],
        ["~/work/acme/app/sdk"],
        ["~/work/acme/app/sdk/core"],
    ]


def test_a_remote_in_a_home_folder_that_is_not_there_is_no_folder(home: Home, git: Git, repository: Path) -> None:
    git(repository, "remote", "add", "other", "~nobody-here/app")

    (project,) = collect_projects(home, [repository])

    remotes = project["remotes"]
    assert isinstance(remotes, list)
    assert {"raw": "~nobody-here/app", "url": "~nobody-here/app"} in remotes


def test_a_symlinked_folder_tells_both_ways_to_it(home: Home, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "short").symlink_to(repository)

    (project,) = collect_projects(home, [tmp_path / "short"])

    assert project["paths"] == ["~/short", "~/work/acme/app"]


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("git@github-acme:acme/app.git", "ssh://git@github.com/acme/app.git"),
        ("ssh://github-acme/acme/app.git", "ssh://github.com/acme/app.git"),
        ("ssh://git@github-acme:/acme/app.git", "ssh://git@github.com/acme/app.git"),
        ("git@other-port:acme/app.git", "ssh://git@other-port:443/acme/app.git"),
        ("git@github.com:acme/app.git", "git@github.com:acme/app.git"),
        ("https://github-acme/acme/app.git", "https://github-acme/acme/app.git"),
        ("-oProxyCommand=evil:acme/app.git", "-oProxyCommand=evil:acme/app.git"),
        ("/srv/git/app.git", "/srv/git/app.git"),
    ],
)
def test_an_ssh_alias_is_resolved_by_the_configuration_of_ssh(
    git: Git, tmp_path: Path, url: str, resolved: str
) -> None:
    (tmp_path / "bin" / "ssh").write_text(
        "#!/bin/sh\nfor host; do :; done\ncase $host in github-acme) printf 'hostname github.com\\nport 22\\n';;"
        " other-port) printf 'hostname other-port\\nport 443\\n';; *) echo \"hostname $host\";; esac\n"
    )

    assert resolve_ssh_remote(url) == resolved


def test_the_raw_form_of_an_alias_is_kept_beside_the_resolved_one(home: Home, git: Git, repository: Path) -> None:
    git(repository, "remote", "set-url", "origin", "git@github-acme:acme/app.git")
    (repository.parents[2] / "bin" / "ssh").write_text("#!/bin/sh\necho hostname github.com\n")

    (project,) = collect_projects(home, [repository])

    assert project["remotes"] == [{"raw": "git@github-acme:acme/app.git", "url": "ssh://git@github.com/acme/app.git"}]


def test_a_folder_that_the_clients_settings_open_is_a_project(home: Home, repository: Path, tmp_path: Path) -> None:
    settings = tmp_path / "work" / "site" / ".claude" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"permissions": {"additionalDirectories": ["../acme/app", 5]}}))

    projects = collect_projects(home, [tmp_path / "work" / "site"])

    assert [(project["role"], project["complete"]) for project in projects] == [("cwd", True), ("setting", True)]
    assert projects[1]["remotes"]


@pytest.mark.parametrize("text", ["", "[", "[]", '{"permissions": 5}', '{"permissions": {"additionalDirectories": 5}}'])
def test_odd_settings_of_the_client_open_nothing(home: Home, repository: Path, text: str) -> None:
    (repository / ".claude").mkdir()
    (repository / ".claude" / "settings.json").write_text(text)

    assert len(collect_projects(home, [repository])) == 1


OPENING = '"permissions": {"additionalDirectories": ["../acme/app"]}}'


@pytest.mark.parametrize(
    "content",
    [
        b'{"x": "\xff", ' + OPENING.encode(),
        b'{"x": ' + b"9" * 5000 + b", " + OPENING.encode(),
        b"\xef\xbb\xbf{" + OPENING.encode(),
        b"\xff\xfe" + ("{" + OPENING).encode("utf-16-le") + b"\n",
    ],
    ids=["no text", "a long number", "a mark at the beginning", "two bytes a letter and half a letter"],
)
def test_what_the_client_reads_of_odd_settings_is_read_here_as_well(
    home: Home, repository: Path, tmp_path: Path, content: bytes
) -> None:
    """Seen with the real client: it opens the folder in each case."""
    settings = tmp_path / "work" / "site" / ".claude" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_bytes(content)

    assert collect_projects(home, [tmp_path / "work" / "site"])[1]["remotes"]


def test_settings_too_large_to_be_read_open_everything(home: Home, repository: Path) -> None:
    settings = repository / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.touch()
    os.truncate(settings, 2**40)

    assert collect_projects(home, [repository])[-1]["paths"] == ["/"]


def test_odd_folders_of_the_clients_settings_end_nothing(home: Home, repository: Path) -> None:
    (repository / ".claude").mkdir()
    folders = ["~nobody-here/x", "a\0b"]
    (repository / ".claude" / "settings.json").write_text(
        json.dumps({"permissions": {"additionalDirectories": folders}})
    )

    assert collect_projects(home, [repository])[0]["role"] == "cwd"


def test_settings_of_the_named_config_folder_and_behind_a_link_open_folders(
    home: Home, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = json.dumps({"permissions": {"additionalDirectories": [f" {repository}"]}})
    named, above, work = tmp_path / "cfg", tmp_path / "real", tmp_path / "real" / "site"
    work.mkdir(parents=True)
    named.mkdir()
    (named / "settings.json").write_text(opening)
    (tmp_path / "link").symlink_to(work)

    assert len(collect_projects(home, [work])) == 1
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(named))
    assert collect_projects(home, [work])[1]["remotes"]
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    (above / ".claude").mkdir()
    (above / ".claude" / "settings.json").write_text(opening)
    assert collect_projects(home, [tmp_path / "link"])[1]["remotes"]


def test_a_pipe_in_the_place_of_settings_is_not_waited_for(home: Home, repository: Path) -> None:
    (repository / ".claude").mkdir()
    os.mkfifo(repository / ".claude" / "settings.json")

    assert len(collect_projects(home, [repository])) == 1


def test_another_folder_of_the_same_repository_tells_its_own_path_and_markers(home: Home, repository: Path) -> None:
    for name in ("a", "b"):
        (repository / name / "inner").mkdir(parents=True)
    (repository / "b" / ".kirikae.toml").write_text('markers = ["acme"]')

    projects = collect_projects(home, [repository / "a", repository / "b", repository / "a" / "inner"])

    assert [project["markers"] for project in projects] == [[], ["acme"]]


def test_a_changed_home_hides_no_path(
    home: Home, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = SimpleNamespace(pw_dir=str(tmp_path))
    monkeypatch.setattr("pwd.getpwuid", lambda _user: known)
    monkeypatch.setenv("HOME", "/")

    (project,) = collect_projects(home, [repository])

    assert project["paths"] == ["~/work/acme/app", f"~{repository}"]


def test_a_second_way_to_the_home_folder_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Mac, where /System/Volumes/Data/Users/ben and /users/ben are /Users/ben."""
    (tmp_path / "ben").mkdir()
    (tmp_path / "way").symlink_to(tmp_path / "ben")
    monkeypatch.setenv("HOME", str(tmp_path / "ben"))

    told = [home_relative(tmp_path / path) for path in ("way/work/acme", "way", "elsewhere/work")]

    assert told == ["~/work/acme", "~", f"{tmp_path}/elsewhere/work"]
