"""What the wrapper must understand of a command: which client, how it runs, what it reads, what it may not take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kirikae.clients.claude_arguments import find_refused
from kirikae.clients.claude_settings import list_folders_opened_by, named_folders
from kirikae.clients.kinds import KINDS, OTHER_NAMES, OWN_PROGRAM, ClientKind
from kirikae.clients.named_files import find_mentioned, find_named
from kirikae.clients.programs import find_program

# Those that the decision tells apart.
WIRE_NAMES = ("claude", "aider", "goose", "codex")
# Words of a shell that stand before a command.
STARTERS = frozenset(["!", "command", "do", "else", "env", "exec", "if", "nice", "nohup", "sudo", "then", "time"])
# As many as the system itself follows.
MAX_LINKS = 40
# The argument after one of these is its value, even with a dash at its beginning.
OPENING = ("--add-dir", "--settings")


def client_kind(program: str) -> ClientKind:
    """By the name that was typed, or by a program that it is a link to: `cc -> claude` takes claude's arguments.

    Disks of Macs do not tell `Claude` from `claude`.
    """
    names = (Path(one).name.lower() for one in _links(program))
    return next((KINDS[name] for one in names if (name := OTHER_NAMES.get(one, one)) in KINDS), OWN_PROGRAM)


def client_name(program: str) -> str:
    """As requests and receipts name it."""
    name = client_kind(program).name
    return name if name in WIRE_NAMES else OWN_PROGRAM.name


def _links(program: str) -> Iterator[str]:
    """The program as typed, then what each symbolic link on the way points to; the last one may have any name."""
    yield program
    path = Path(find_program(program) or "")
    for _hop in range(MAX_LINKS):
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()
        yield str(path)


def client_mode(client: str, arguments: Sequence[str]) -> str | None:
    if client != "claude":
        return None
    return "print" if {"-p", "--print"} & set(arguments) else "tui"


def added_folders(arguments: Sequence[str]) -> list[Path]:
    """Folders that a command opens, whatever the client.

    Those of `--add-dir`, which takes one value and then more up to the next option, and those that `--settings` opens.
    """
    here, found, awaiting = Path(), list[Path](), ""
    for argument in arguments:
        name, has_value, value = argument.partition("=")
        if awaiting not in OPENING and argument.startswith("-"):
            awaiting = "" if has_value else name
        else:
            name, value = awaiting.removeprefix("more "), argument
            awaiting = "more --add-dir" if name == "--add-dir" else ""
        if name == "--add-dir" and value:
            found += named_folders(value, here)
        if name == "--settings":
            found += list_folders_opened_by(value, here)
    return list(dict.fromkeys(found))


def named_files(arguments: Sequence[str], folder: Path) -> list[Path]:
    """Files and folders outside this one that an argument names: what a program is told of, it may read."""
    texts = [text for argument in arguments for text in dict.fromkeys((argument, argument.partition("=")[2]))]
    files = [file for text in texts for file in (*find_named(text, folder), *find_mentioned(text, folder))]
    return [file for file in dict.fromkeys(files) if not file.resolve().is_relative_to(folder.resolve())]


def find_refused_argument(kind: ClientKind, arguments: Sequence[str]) -> str | None:
    """The name of the first argument that protected work does not take; never its value."""
    if kind.name == "claude":
        return find_refused(arguments)
    if kind is OWN_PROGRAM:
        # `env X=Y claude`, `sh -c "cd x && claude"`: what starts it may steer it, and its recipe is not applied.
        names = (client_kind(word).name for argument in arguments for word in _commands(argument))
        return next((name for name in names if name in KINDS), None)
    return None


def _commands(argument: str) -> Iterator[str]:
    """The argument, and what a shell would take for a command in it, behind assignments and words like `exec`."""
    yield argument
    for part in re.split(r"[;&|(){}`\n]", argument):
        words = [word.strip("\"'") for word in part.split()]
        yield from [word for word in words if "=" not in word and word not in STARTERS][:1]
