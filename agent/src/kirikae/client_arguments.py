"""What the wrapper must understand of a client's arguments: its name, how it runs, what it reads, what it undoes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

KNOWN_CLIENTS = ("claude", "aider", "goose", "codex")
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
        "--teleport",
    ]
)
# Subcommands start other programs, sign in, or run in the background.
UNDOING_COMMANDS = frozenset(
    ["agents", "auth", "daemon", "install", "mcp", "plugin", "remote-control", "setup-token", "update", "upgrade"]
)


def client_name(program: str) -> str:
    name = Path(program).name
    return name if name in KNOWN_CLIENTS else "other"


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
    if client != "claude":
        return None
    if arguments and arguments[0] in UNDOING_COMMANDS:
        return arguments[0]
    names = (argument.partition("=")[0] for argument in arguments)
    return next((name for name in names if name in UNDOING_OPTIONS), None)
