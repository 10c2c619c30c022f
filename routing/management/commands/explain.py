"""`explain REQUEST.json`: what the policy in force answers, stage by stage. Nothing is logged."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from machines.queries import find_facts
from portal.common.operator_commands import OperatorCommand
from routing.engine.answer import Answer
from routing.engine.decide import decide
from routing.engine.errors import WireError
from routing.engine.explain import text_of
from routing.engine.facts import MachineFacts, Situation
from routing.engine.request import TaskRequest
from routing.engine.wire import parse_request
from routing.queries import find_machine
from routing.services import load_bundle
from routing.wording import STAGES

LANGUAGE = "en"


class Command(OperatorCommand):
    help = "Prints how a request would be decided, and why. Nothing is logged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the request as JSON; - for standard input")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            body = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
            request = parse_request(body)
            answer = decide(
                request, bundle=load_bundle().bundle, facts=_facts_of(request), situation=Situation(now=timezone.now())
            )
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except WireError as error:
            raise CommandError(f"{error.detail} [{error.code}]") from error
        self._print(answer)

    def _print(self, answer: Answer) -> None:
        self.stdout.write(f"{answer.task}: {answer.backend} ({answer.privacy.effect}), policy r{answer.revision}")
        for stage in STAGES:
            reasons = [reason for reason in answer.reasons if reason.stage == stage]
            if reasons:
                self.stdout.write(f"\n{stage}")
            for reason in reasons:
                words = {"rule": reason.rule, **reason.data}
                self.stdout.write(f"  {reason.code}: {text_of(reason.code, words, LANGUAGE)}")
        for warning in answer.warnings:
            self.stdout.write(f"\nwarning {warning.code}: {text_of(warning.code, warning.data, LANGUAGE)}")


def _facts_of(request: TaskRequest) -> MachineFacts | None:
    if request.machine is None:
        return None
    machine = find_machine(request.machine)
    if machine is None:
        raise CommandError(f"There is no machine '{request.machine}' in use.")
    return find_facts(machine).facts
