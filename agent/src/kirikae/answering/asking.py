"""What `kirikae ask` does once the runtimes are being asked."""

from __future__ import annotations

import os
from pathlib import Path

from kirikae.answering.deciding import Question, decide_here
from kirikae.answering.telling import tell_answer
from kirikae.arguments import Arguments
from kirikae.collect.facts_reader import FactsReader
from kirikae.engine.wire import encode
from kirikae.errors import RefusedError, UsageError
from kirikae.home import Home
from kirikae.portal.own_requests import tell_answers
from kirikae.signals.projects import working_directory
from kirikae.texts import say


def ask(arguments: Arguments, home: Home, reader: FactsReader) -> int:
    question = Question(
        task=arguments.task,
        folders=[working_directory(), *map(_existing, arguments.project)],
        client=arguments.client,
        mode=arguments.mode,
        context_tokens=arguments.context_tokens,
        parallel_agents=arguments.parallel_agents,
        needs=[need for need in arguments.needs.split(",") if need],
        is_offline=arguments.offline,
    )
    decision = decide_here(home, question, reader)
    document = decision.document
    if arguments.json:
        print(encode(document).decode())
    else:
        print(tell_answer(document, has_reasons=arguments.why))
        for code, data in decision.notes:
            print(f"  {say(code, **data)}")
        for sentence in tell_answers(home, working_directory().resolve()):
            print(sentence)
    return RefusedError.exit_code if document["backend"] == "none" else 0


def _existing(folder: str) -> Path:
    """Raises UsageError: without it nothing is judged of the folder that was meant."""
    # Takes a name of any length.
    if not os.path.exists(folder):  # noqa: PTH110
        raise UsageError("ask.no_folder", folder=folder)
    return Path(folder)
