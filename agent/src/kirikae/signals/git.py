"""What git knows about a repository: remotes as configured and as git would use them, and root commits.

The inherited GIT_* environment is ignored: it can point git at another repository than the one that will be worked in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from kirikae.clients.programs import find_tool
from kirikae.engine.named_tuple import NamedTuple

# Local reads take milliseconds; a repository on a share that hangs makes the project anonymous instead.
GIT_TIMEOUT_S = 2.0
ROOTS_TIMEOUT_S = 0.1
# Where a rule goes by first commits, a large history is waited for: a walk of half a million commits takes as long.
NEEDED_ROOTS_TIMEOUT_S = 3.0
# A path in a file of git's; no system has longer ones.
MAX_POINTER_BYTES = 8192
# History as it was recorded, whatever replacements and grafts the repository holds, and nothing fetched for it.
AS_RECORDED = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
}


class Remote(NamedTuple):
    """`raw` as configured, `url` after `insteadOf`."""

    raw: str
    url: str


class Repository(NamedTuple):
    """One that git opens; `head` is None before the first commit."""

    path: Path
    is_shallow: bool
    head: str | None


def find_repository(path: Path) -> Repository | None:
    """None when git does not open it, as with a folder of another user.

    Asked first: `git config` would then answer with the global configuration alone, as if there were no remote.
    """
    output = run_git(path, ["rev-parse", "--is-shallow-repository", "--verify", "--quiet", "HEAD"], accept=(0, 1, 128))
    lines = (output or "").split()
    if not lines or lines[0] not in {"true", "false"}:
        return None
    return Repository(path, is_shallow=lines[0] == "true", head=lines[1] if len(lines) == 2 else None)


def find_main_folder(root: Path) -> Path | None:
    """Of a linked worktree the folder of the repository that it belongs to; None of anything else.

    From the files that git itself goes by, because a call of git takes milliseconds.
    """
    pointer = _first_bytes(root / ".git")
    folder = root / pointer.removeprefix("gitdir:").lstrip(" ").rstrip("\r\n") if pointer else root
    common = _first_bytes(folder / "commondir") if pointer else ""
    if not common:
        return None
    found = (folder / common.rstrip("\r\n")).resolve()
    return found.parent if found.name == ".git" else found


def _first_bytes(file: Path) -> str:
    """Empty for a folder, a pipe, and what cannot be read."""
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as opened:
            return opened.read(MAX_POINTER_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return ""


class Addresses(NamedTuple):
    """Where a repository is connected to; `ssh_command` as configured, None for git's own."""

    remotes: list[Remote]
    ssh_command: str | None


def find_addresses(repository: Repository) -> Addresses | None:
    """Fetch and push addresses of every remote, and addresses that branches name directly; None when git fails."""
    output = run_git(repository.path, ["config", "--list", "-z", "--includes"])
    if output is None:
        return None
    pairs = [entry.partition("\n") for entry in output.split("\0") if entry]
    config = [(key, value) for key, _, value in pairs]
    return Addresses(remotes_of(config), dict(config).get("core.sshcommand"))


def remotes_of(config: Sequence[tuple[str, str]]) -> list[Remote]:
    """git lower-cases section and variable of a key, never the part between: `remote.Origin.url`."""
    rewrites = _rewrites(config, "insteadof")
    push_rewrites = _rewrites(config, "pushinsteadof")
    has_push_url = {
        key.rpartition(".")[0] for key, _ in config if key.startswith("remote.") and key.endswith(".pushurl")
    }
    found: dict[Remote, None] = {}
    for key, value in config:
        section = key.rpartition(".")[0]
        if _is_address(key, value):
            found[Remote(value, rewrite(value, rewrites))] = None
        # git applies pushInsteadOf only where no pushurl is set.
        if key.startswith("remote.") and key.endswith(".url") and section not in has_push_url:
            pushed = rewrite(value, push_rewrites)
            if pushed != value:
                found[Remote(value, pushed)] = None
    return list(found)


def rewrite(url: str, rewrites: Iterable[tuple[str, str]]) -> str:
    """git's rule: the longest matching prefix is replaced, once."""
    matching = [(prefix, base) for prefix, base in rewrites if prefix and url.startswith(prefix)]
    if not matching:
        return url
    prefix, base = max(matching, key=lambda pair: len(pair[0]))
    return base + url[len(prefix) :]


def find_root_commits(repository: Repository, *, are_needed: bool) -> list[str] | None:
    """None when history is cut off, or walking it takes too long. On a branch without commits those of all others."""
    if repository.is_shallow:
        return None
    arguments = ["rev-list", "--max-parents=0", repository.head or "--all"]
    timeout_s = NEEDED_ROOTS_TIMEOUT_S if are_needed else ROOTS_TIMEOUT_S
    output = run_git(repository.path, arguments, timeout_s=timeout_s)
    return None if output is None else sorted(output.split())


def run_git(
    repository: Path, arguments: Sequence[str], *, timeout_s: float = GIT_TIMEOUT_S, accept: Sequence[int] = (0,)
) -> str | None:
    import subprocess  # noqa: PLC0415 - 3 ms that a launch outside a repository does without

    program = find_tool("git", str(repository))
    if program is None:
        return None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [program, "-C", str(repository), *arguments],
            capture_output=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment | AS_RECORDED,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Bytes that are no text make the wire refuse the request, which is the safe side.
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode in accept else None


def _rewrites(config: Sequence[tuple[str, str]], variable: str) -> list[tuple[str, str]]:
    return [
        (value, key[len("url.") : -len(variable) - 1])
        for key, value in config
        if key.startswith("url.") and key.endswith(f".{variable}")
    ]


def _is_address(key: str, value: str) -> bool:
    if key.startswith("remote.") and key.endswith((".url", ".pushurl")):
        return bool(value)
    names_remote = key.startswith("branch.") and key.endswith((".remote", ".pushremote"))
    # `branch.x.remote` may hold an address itself; a name has neither a slash nor a colon, `.` is this repository.
    return (names_remote or key == "remote.pushdefault") and ("/" in value or ":" in value)
