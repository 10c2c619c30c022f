"""Reads the command line, runs one command, turns an AgentError into one sentence on stderr and its exit code.

Modules of commands are imported when needed: `ask` and `run` must not pay for httpx and cryptography.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

from kirikae.arguments import Arguments, read_plain
from kirikae.errors import AgentError
from kirikae.home import NO_ROOM, Home, find_home
from kirikae.texts import say

INTERRUPTED = 130
# As when SIGPIPE ends a program.
NOBODY_READS = 141
NOT_TOLD = 1
# What follows `--` is a command of somebody else's.
WITH_COMMAND = ("run", "statusline")


def main(argv: Sequence[str] | None = None) -> int:
    try:
        _tell_whatever_it_holds()
        arguments = _read(list(sys.argv[1:] if argv is None else argv))
        home = find_home()
        home.prepare()
        return _execute(arguments, home)
    except AgentError as error:
        print(say(error.code, **error.data), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`kirikae models | head -1`).
        _write_nothing_more()
        return NOBODY_READS
    except OSError as error:
        # Of files of ours each tells of itself.
        if error.errno not in NO_ROOM or error.filename is not None:
            raise
        _write_nothing_more()
        print(say("output.no_room"), file=sys.stderr)
        return NOT_TOLD


def _execute(arguments: Arguments, home: Home) -> int:
    command = importlib.import_module(f"kirikae.commands.{arguments.subcommand.replace('-', '_')}")
    code = int(command.execute(arguments, home))
    # What does not fit is found out here, not when the interpreter ends.
    sys.stdout.flush()
    return code


def _write_nothing_more() -> None:
    """At exit what is left over would be tried again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell_whatever_it_holds() -> None:
    """A folder's name, or a sentence in Japanese, in a terminal that has no such letters ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _read(argv: list[str]) -> Arguments:
    own, client = argv, []
    if argv[:1] and argv[0] in WITH_COMMAND and "--" in argv:
        place = argv.index("--")
        own, client = argv[:place], argv[place + 1 :]
    arguments = read_plain(own) or _parse(own)
    arguments.command = client
    return arguments


def _parse(own: list[str]) -> Arguments:
    from kirikae.command_line import parse  # noqa: PLC0415 - costs 6 ms, which the plain forms do without

    return parse(own)


if __name__ == "__main__":
    sys.exit(main())
