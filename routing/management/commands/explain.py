"""`explain REQUEST.json`: what the policy in force answers, stage by stage. Nothing is logged."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from machines.models import Machine
from machines.queries import find_facts
from portal.common.engine_words import error_in_words
from portal.common.operator_commands import OperatorCommand
from portal.terminal import reason_of
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
    help = gettext_noop("Print how a request would be decided, and why. Nothing is logged.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help=_("the request as JSON; - for standard input"))
        parser.add_argument("--language", choices=LANGUAGES, help=_("default: the terminal's own"))

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            body = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
            answer = _decided(parse_request(body))
        except OSError as error:
            told = _("%(path)s cannot be read: %(reason)s.")
            raise CommandError(told % {"path": options["file"], "reason": reason_of(error)}) from error
        except WireError as error:
            raise CommandError(f"{error_in_words(error)} [{error.code}]") from error
        language = options["language"] or translation.get_language() or "en"
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
        raise CommandError(_("There is no machine '%(machine)s' in use.") % {"machine": request.machine})
    return machine


def _lines(answer: Answer, language: str) -> Iterator[str]:
    policy = _("policy r%(number)d") % {"number": answer.revision}
    yield f"{answer.task}: {answer.backend} ({answer.privacy.effect}), {policy}"
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
        yield f"{_('near miss')} {miss.rule}: {text_of('near_miss', miss._asdict(), language)}"
    for warning in answer.warnings:
        yield f"{_('warning')} {warning.code}: {text_of(warning.code, warning.data, language)}"
    for one in answer.alternatives:
        remedy = f" {text_of(one.remedy.code, one.remedy.data, language)}" if one.remedy else ""
        yield f"{_('not taken')} {' '.join(filter(None, (one.backend, one.model)))}: {one.blocked_by}.{remedy}"
    for obligation in answer.obligations:
        yield f"{_('obligation')} {obligation.code}: {text_of(obligation.code, {'value': obligation.value}, language)}"
