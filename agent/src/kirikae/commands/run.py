"""`kirikae run -- CLIENT …`: launches a client with the backend of the answer."""

from __future__ import annotations

from kirikae.arguments import Arguments
from kirikae.collect.facts_reader import FactsReader
from kirikae.errors import UsageError
from kirikae.home import Home


def execute(arguments: Arguments, home: Home) -> int:
    if not arguments.command or not arguments.command[0]:
        raise UsageError("run.no_client")
    reader = FactsReader(home)
    # The engine takes 20 to 40 ms to import, in which the runtimes have answered.
    from kirikae.launching.running import run  # noqa: PLC0415

    return run(arguments, home, reader)
