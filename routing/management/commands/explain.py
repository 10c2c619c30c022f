"""`explain REQUEST.json`: what the policy in force answers, stage by stage. Nothing is logged."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone, translation

from machines.models import Machine
from machines.queries import find_facts
from portal.common.operator_commands import OperatorCommand
from routing.engine.answer import Answer
from routing.engine.decide import decide
from routing.engine.errors import WireError
from routing.engine.explain import LANGUAGES, text_of
from routing.engine.facts import Situation
from routing.engine.request import TaskRequest
from routing.engine.wire import parse_request
from routing.machine_standing import keep_local_if_quarantined
from routing.queries import find_machine
from routing.services import load_bundle
from routing.wording import STAGES


class Command(OperatorCommand):
    help = "Prints how a request would be decided, and why. Nothing is logged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the request as JSON; - for standard input")
        parser.add_argument("--language", choices=LANGUAGES, help="default: the terminal's own")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            body = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
            answer = _decided(parse_request(body))
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except WireError as error:
            raise CommandError(f"{error.detail} [{error.code}]") from error
        language = options["language"] or _language_of_terminal()
        with translation.override(language):
            self.stdout.write("\n".join(_lines(answer, language)))


def _decided(request: TaskRequest) -> Answer:
    machine = _machine_of(request)
    stored = find_facts(machine) if machine else None
    return decide(
        keep_local_if_quarantined(request, machine),
        bundle=load_bundle().bundle,
        facts=stored.facts if stored else None,
        situation=Situation(now=timezone.now(), facts_age_s=stored.age_s if stored else None),
    )


def _machine_of(request: TaskRequest) -> Machine | None:
    if request.machine is None:
        return None
    machine = find_machine(request.machine)
    if machine is None:
        raise CommandError(f"There is no machine '{request.machine}' in use.")
    return machine


def _language_of_terminal() -> str:
    named = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "ja" if named.startswith("ja") else "en"


def _lines(answer: Answer, language: str) -> Iterator[str]:
    yield f"{answer.task}: {answer.backend} ({answer.privacy.effect}), policy r{answer.revision}"
    for stage, (title, _icon) in STAGES.items():
        reasons = [reason for reason in answer.reasons if reason.stage == stage]
        if reasons:
            yield f"\n{title}"
        for reason in reasons:
            yield f"  {reason.code}: {text_of(reason.code, {'rule': reason.rule, **reason.data}, language)}"
    yield ""
    yield from _asides(answer, language)


def _asides(answer: Answer, language: str) -> Iterator[str]:
    """What almost applied, what is lost, what was not taken and what would help."""
    for miss in answer.near_misses:
        yield f"near_miss {miss.rule}: {text_of('near_miss', miss._asdict(), language)}"
    for warning in answer.warnings:
        yield f"warning {warning.code}: {text_of(warning.code, warning.data, language)}"
    for one in answer.alternatives:
        remedy = f" {text_of(one.remedy.code, one.remedy.data, language)}" if one.remedy else ""
        yield f"not_taken {' '.join(filter(None, (one.backend, one.model)))}: {one.blocked_by}.{remedy}"
    for obligation in answer.obligations:
        yield f"obligation {obligation.code}: {text_of(obligation.code, {'value': obligation.value}, language)}"
