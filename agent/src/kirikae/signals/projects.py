"""The signals of the folders that a session reads: remotes, root commits, markers and paths; never file contents.

For each folder (also those that the client's settings open) the repository it belongs to, every repository around that
up to the home folder, and its submodules.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kirikae.clients.claude_settings import list_opened_folders
from kirikae.engine.named_tuple import NamedTuple
from kirikae.errors import UsageError
from kirikae.home import Home
from kirikae.signals.git import (
    Addresses,
    Remote,
    Repository,
    find_addresses,
    find_main_folder,
    find_repository,
    find_root_commits,
    run_git,
)
from kirikae.signals.markers import find_unread_markers, read_markers
from kirikae.signals.sources import find_sources
from kirikae.signals.ssh_hosts import is_ssh_remote, read_ssh_command, resolve_ssh_remote

ROOTS_FILE = "root_commits.json"
MAX_KEPT_ROOTS = 200
# Of a project the wire takes 16 paths.
MAX_ORIGINS = 4


class Folder(NamedTuple):
    """`logical` is as the shell shows it, `real` without symlinks; both may be protected."""

    logical: Path
    real: Path


type NeedsRoots = Callable[[], bool]


def collect_projects(
    home: Home, folders: Sequence[Path], *, needs_roots: NeedsRoots = lambda: False
) -> list[dict[str, object]]:
    """The first folder is the working directory; the wire refuses more than 64 projects.

    `needs_roots`: a rule goes by first commits, so a project whose history is cut off (a shallow clone) or cannot be
    walked in time is not complete. Asked only where they are not known from before, because it looks at every rule.
    """
    projects: list[dict[str, object]] = []
    seen: dict[Path, list[Path]] = {}
    for folder, role in _roles(folders).items():
        for project_role, root, inner in _repositories(_folder(folder), role=role):
            # Another folder of the same repository may have a path or a marker of its own.
            folders_seen = seen.setdefault(root.real, [])
            if not any(inner.real.is_relative_to(one) for one in folders_seen):
                folders_seen.append(inner.real)
                projects.append(_project(home, root, inner, role=project_role, needs_roots=needs_roots))
    return projects


def find_unread(folders: Sequence[Path]) -> tuple[str, Path] | None:
    """(the code of a sentence, the file or folder): the first that makes a project incomplete; asked when one is."""
    for folder in _roles(folders):
        for _, root, inner in _repositories(_folder(folder), role=""):
            markers = find_unread_markers((inner.real, inner.logical))
            if markers is not None:
                return "answer.unread_markers", markers
            if _submodule_paths(root.real) is None:
                return "answer.unread_submodules", root.real / ".gitmodules"
            if _is_repository(root.real) and find_repository(root.real) is None:
                return "answer.git_refuses", root.real
    return None


def _roles(folders: Sequence[Path]) -> dict[Path, str]:
    roles = dict.fromkeys(folders, "add_dir") | {folders[0]: "cwd"}
    return roles | {opened: "setting" for opened in list_opened_folders(folders[0]) if opened not in roles}


def working_directory() -> Path:
    """The shell's logical one when it names the same folder. Raises UsageError where it was removed."""
    try:
        real = Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("folder.gone") from error
    logical = Path(os.environ.get("PWD", ""))
    return logical if logical.is_absolute() and logical.exists() and logical.samefile(real) else real


def home_relative(path: Path) -> str:
    home = _find_below(Path.home(), path)
    return path.as_posix() if home is None else _below(home, path)


def _find_below(home: Path, path: Path) -> Path | None:
    """The home folder as this path reaches it: Macs have a second way to it, and take its name in any case."""
    for base in dict.fromkeys((home, home.resolve())):
        if path.is_relative_to(base):
            return base
    return next((parent for parent in (path, *path.parents) if _are_same(parent, home)), None)


def _are_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _below(base: Path, path: Path) -> str:
    rest = path.relative_to(base).as_posix()
    return "~" if rest == "." else f"~/{rest}"


def _folder(path: Path) -> Folder:
    logical = Path(os.path.normpath(path.absolute()))
    return Folder(logical, path.resolve())


def _repositories(folder: Folder, *, role: str) -> Iterator[tuple[str, Folder, Folder]]:
    """(role, root of the project, folder read in it): the nearest repository, those around it, its submodules."""
    roots = [parent for parent in (folder.real, *folder.real.parents) if _is_repository(parent)]
    home = Path.home().resolve()
    if folder.real.is_relative_to(home):
        roots = [root for root in roots if root.is_relative_to(home)]
    if not roots:
        yield role, folder, folder
        return
    yield role, Folder(_logical_root(folder, roots[0]), roots[0]), folder
    for root in roots[1:]:
        yield "enclosing", _folder(root), _folder(root)
    for submodule in _submodules(roots[0]):
        yield "submodule", _folder(submodule), _folder(submodule)


def _is_repository(folder: Path) -> bool:
    """Also one without a checkout, by what git knows it by: its files can be shown all the same."""
    is_bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return is_bare or (folder / ".git").exists()


def _logical_root(folder: Folder, root: Path) -> Path:
    """The root as the shell's path reaches it, or the real one when no logical parent is the same folder."""
    candidates = (folder.logical, *folder.logical.parents)
    return next((parent for parent in candidates if parent.exists() and parent.samefile(root)), root)


def _submodules(root: Path, *, known: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Checked-out submodules and those inside them; each has signals of its own."""
    for path in _submodule_paths(root) or []:
        inner = (root / path).resolve()
        # A path may lead back to where it came from.
        if inner not in known and inner != root and (inner / ".git").exists():
            yield inner
            yield from _submodules(inner, known=known | {root, inner})


def _submodule_paths(root: Path) -> list[str] | None:
    """What `.gitmodules` names; None for a file that git cannot read, which is not "no submodules"."""
    if not os.path.lexists(root / ".gitmodules"):
        return []
    asked = ["config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"]
    # 1 is git's answer for a file without such a line, and for one that is not there.
    output = run_git(root, asked, accept=(0, 1)) if (root / ".gitmodules").is_file() else None
    if output is None:
        return None
    return [path for entry in output.split("\0") if (path := entry.partition("\n")[2])]


def _project(home: Home, root: Folder, inner: Folder, *, role: str, needs_roots: NeedsRoots) -> dict[str, object]:
    remotes, root_commits, is_whole, origins = _git_signals(home, root.real, needs_roots=needs_roots)
    markers, paths = read_markers((inner.real, inner.logical, *origins)), _paths(root, inner, origins)
    told = [text for remote in remotes or [] for text in remote] + paths
    return {
        "remotes": None if remotes is None else [{"raw": _text(one.raw), "url": _text(one.url)} for one in remotes],
        "root_commits": root_commits,
        "markers": markers,
        "paths": list(map(_text, paths)),
        "labels": [],
        "role": role,
        "complete": is_whole
        and None not in (markers, _submodule_paths(root.real))
        and all(_text(one) == one for one in told),
    }


def _text(told: str) -> str:
    """What is no text in UTF-8 still restricts by the rest of it, and never identifies."""
    return told.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class GitSignals(NamedTuple):
    """`origins`: folders whose files these are as well, the worktree's repository and what was cloned on this disk."""

    remotes: list[Remote] | None
    root_commits: list[str] | None
    is_whole: bool
    origins: Sequence[Path] = ()


def _git_signals(home: Home, root: Path, *, needs_roots: NeedsRoots) -> GitSignals:
    """A folder outside git has none, one that git does not open has unknown ones."""
    if not _is_repository(root):
        return GitSignals([], [], is_whole=True)
    repository = find_repository(root)
    addresses = find_addresses(repository) if repository else None
    if repository is None or addresses is None:
        return GitSignals(None, None, is_whole=False, origins=_main_folders(root))
    sources, is_whole = find_sources(root, addresses.remotes)
    origins = list(dict.fromkeys((*_main_folders(root, *sources), *sources)))
    found = [_resolved(one) for one in (addresses, *sources.values())]
    remotes = [remote for resolved, _ in found for remote in resolved]
    roots = _root_commits(home, repository, are_needed=needs_roots)
    is_cut_off = roots is None and needs_roots()
    is_whole = is_whole and all(whole for _, whole in found) and len(origins) <= MAX_ORIGINS and not is_cut_off
    return GitSignals(list(dict.fromkeys(remotes)), roots, is_whole, origins[:MAX_ORIGINS])


def _main_folders(*folders: Path) -> list[Path]:
    return [main for folder in folders if (main := find_main_folder(folder)) is not None]


def _resolved(addresses: Addresses) -> tuple[list[Remote], bool]:
    """Remotes with the hosts that ssh would reach, and whether every one of them could be told."""
    command = read_ssh_command(addresses.ssh_command)
    if command is None:
        return addresses.remotes, not any(is_ssh_remote(remote.url) for remote in addresses.remotes)
    return [remote._replace(url=resolve_ssh_remote(remote.url, command)) for remote in addresses.remotes], True


def _paths(root: Folder, inner: Folder, origins: Sequence[Path]) -> list[str]:
    """By HOME and, where that was changed, by the home folder that the system knows of this user."""
    # The folder itself stands last.
    paths = (*origins, inner.logical, inner.real, root.logical, root.real)
    home = _home_of_the_system()
    others = [_below(found, path) for path in paths if (found := _find_below(home, path))] if home else []
    return list(dict.fromkeys((*others, *map(home_relative, paths))))


def _home_of_the_system() -> Path | None:
    try:
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None
    # A user without a home folder is given the root of the disk or a folder that is not there.
    return home if home not in (Path("/"), Path.home()) and home.is_dir() else None


def _root_commits(home: Home, repository: Repository, *, are_needed: NeedsRoots) -> list[str] | None:
    """From the cache by HEAD, because git walks the whole history for them; null when shallow or not yet known."""
    if repository.is_shallow:
        return None
    kept = home.read_json(ROOTS_FILE)
    known = kept.get(repository.head) if repository.head else None
    if isinstance(known, list):
        return [str(commit) for commit in known]
    roots = find_root_commits(repository, are_needed=are_needed())
    if roots is not None and repository.head:
        recent = dict(list(kept.items())[-MAX_KEPT_ROOTS:])
        home.keep_json(ROOTS_FILE, recent | {repository.head: roots})
    return roots
