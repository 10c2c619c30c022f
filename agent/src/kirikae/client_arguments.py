"""What the wrapper must understand of a client's arguments: its name, how it runs, what it reads, what it undoes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

KNOWN_CLIENTS = ("claude", "aider", "goose", "codex")
# As many as the system itself follows.
MAX_LINKS = 40
# Each of these changes where a protected session sends to, what it may load, or outlives its environment.
UNDOING_OPTIONS = frozenset(
    [
        "--settings",
        "--bare",
        "--mcp-config",
        "--setting-sources",
        "--model",
        "--fallback-model",
        "--plugin-dir",
        "--chrome",
        "--from-pr",
        "--bg",
        "--tools",
        "--disallowedTools",
        "--disallowed-tools",
        "--remote",
        "--remote-control",
        "--rc",
        "--cloud",
        "--teleport",
        "--sdk-url",
        "--channels",
        "--dangerously-load-development-channels",
        "--plugin-url",
    ]
)
# Subcommands start other programs, sign in, or run in the background.
UNDOING_COMMANDS = frozenset(
    ["agents", "auth", "daemon", "install", "mcp", "plugin", "remote-control", "setup-token", "update", "upgrade"]
)


def client_name(program: str) -> str:
    """By the name that was typed, or by a program that it is a link to: `cc -> claude` takes claude's arguments.

    Disks of Macs do not tell `Claude` from `claude`.
    """
    names = (Path(one).name.lower() for one in _links(program))
    return next((name for name in names if name in KNOWN_CLIENTS), "other")


def _links(program: str) -> Iterator[str]:
    """The program as typed, then what each symbolic link on the way points to; the last one may have any name."""
    yield program
    path = Path(shutil.which(program) or "")
    for _hop in range(MAX_LINKS):
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()
        yield str(path)


def client_mode(client: str, arguments: Sequence[str]) -> str | None:
    if client != "claude":
        return None
    return "print" if {"-p", "--print"} & set(arguments) else "tui"


def added_folders(client: str, arguments: Sequence[str]) -> Iterator[Path]:
    """Folders of claude's `--add-dir`, which takes several values up to the next option."""
    is_value = False
    for argument in arguments if client == "claude" else ():
        name, has_value, value = argument.partition("=")
        if name == "--add-dir":
            is_value = not has_value
            if has_value:
                yield Path(value)
        elif argument.startswith("-"):
            is_value = False
        elif is_value:
            yield Path(argument)


def find_undoing_argument(client: str, arguments: Sequence[str]) -> str | None:
    """The name of the first argument that would undo the protection; never its value."""
    if client == "claude":
        # A subcommand may follow options, whose values only claude knows: the word counts wherever it stands.
        names = (argument.partition("=")[0] for argument in arguments)
        return next((name for name in names if name in UNDOING_OPTIONS | UNDOING_COMMANDS), None)
    if client == "other":
        # `env X=Y claude`: what starts it may steer it, and the recipe of claude is not applied.
        return next((name for name in map(client_name, arguments) if name != "other"), None)
    return None
