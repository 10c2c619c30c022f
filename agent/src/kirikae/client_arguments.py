"""What the wrapper must understand of a command: which client, how it runs, what it reads, what it may not take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from kirikae.claude_arguments import find_refused
from kirikae.clients import KINDS, OTHER_NAMES, OWN_PROGRAM, ClientKind
from kirikae.programs import find_program

# Those that the decision tells apart.
WIRE_NAMES = ("claude", "aider", "goose", "codex")
# As many as the system itself follows.
MAX_LINKS = 40


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


def find_refused_argument(kind: ClientKind, arguments: Sequence[str]) -> str | None:
    """The name of the first argument that protected work does not take; never its value."""
    if kind.name == "claude":
        return find_refused(arguments)
    if kind is OWN_PROGRAM:
        # `env X=Y claude`: what starts it may steer it, and the recipe of claude is not applied.
        return next((name for name in (client_kind(one).name for one in arguments) if name in KINDS), None)
    return None
