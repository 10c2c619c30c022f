"""`kirikae ask TASK`: prints which backend the task gets here; exit code 3 for a refusal."""

from __future__ import annotations

from kirikae.arguments import Arguments
from kirikae.collect.facts_reader import FactsReader
from kirikae.home import Home


def execute(arguments: Arguments, home: Home) -> int:
    reader = FactsReader(home)
    # The engine takes 20 to 40 ms to import, in which the runtimes have answered.
    from kirikae.answering.asking import ask  # noqa: PLC0415

    return ask(arguments, home, reader)
