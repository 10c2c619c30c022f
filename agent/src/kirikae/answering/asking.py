"""What `kirikae ask` does once the runtimes are being asked."""

from __future__ import annotations

from pathlib import Path

from kirikae.answering.deciding import Question, decide_here
from kirikae.answering.telling import tell_answer
from kirikae.arguments import Arguments
from kirikae.collect.facts_reader import FactsReader
from kirikae.engine.wire import encode
from kirikae.errors import RefusedError
from kirikae.home import Home
from kirikae.portal.own_requests import tell_answers
from kirikae.signals.projects import working_directory
from kirikae.texts import say


def ask(arguments: Arguments, home: Home, reader: FactsReader) -> int:
    question = Question(
        task=arguments.task,
        folders=[working_directory(), *map(Path, arguments.project)],
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
        if decision.lacks_roots:
            print(say("answer.lacks_roots"))
        for sentence in tell_answers(home, working_directory().resolve()):
            print(sentence)
    return RefusedError.exit_code if document["backend"] == "none" else 0
