"""`policy export|import FILE [--draft|--publish] [--override REASON]`, and `policy lint|test|prove [RULE]`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import get_language, gettext_noop, ngettext
from django.utils.translation import gettext as _

from portal.audit.services import OPERATOR
from portal.common.arguments import text_up_to
from portal.common.engine_words import sentence_of
from portal.common.operator_commands import OperatorCommand
from portal.common.policy_head import get_head
from portal.common.yaml_files import content_of, write_yaml
from portal.terminal import reason_of
from routing.bundles import get_current_bundle, get_current_document
from routing.drafts import DraftRefusedError, save_draft
from routing.engine.errors import PolicyErrors
from routing.policy_cases import run_cases
from routing.policy_changes import describe_changes
from routing.policy_file import read_policy_file
from routing.policy_proofs import lint_lines, proof_lines, prove_rules
from routing.publishing import canonical_text, read_policy
from routing.services import ensure_first_revision, publish_revision


class Command(OperatorCommand):
    help = gettext_noop("Read, write and prove the policy. It is a YAML file outside the portal.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="export|import|lint|test|prove")
        export = actions.add_parser("export", help=_("write the policy in force as YAML"))
        export.add_argument("file", help=_("the file to write; - for standard output"))
        importing = actions.add_parser("import", help=_("check a policy file, and save or publish it"))
        importing.add_argument("file", help=_("the file to read; - for standard input"))
        wish = importing.add_mutually_exclusive_group()
        wish.add_argument("--publish", action="store_true", help=_("make it the next revision"))
        draft = _("save it as a draft that an admin publishes or discards")
        wish.add_argument("--draft", action="store_true", help=draft)
        noted = _("noted with the revision and audited")
        importing.add_argument("--override", type=text_up_to(500), metavar="REASON", default="", help=noted)
        actions.add_parser("lint", help=_("name what the policy probably did not mean"))
        actions.add_parser("test", help=_("decide the policy's own cases and compare"))
        proved = _("show that no request with a rule's signals can be answered cloud")
        prove = actions.add_parser("prove", help=proved)
        prove.add_argument("rule", nargs="?", help=_("the code of one rule (default: every restricting rule)"))

    def handle(self, *_args: Any, **options: Any) -> None:
        ensure_first_revision()
        if options["action"] == "export":
            self._export(options["file"])
        elif options["action"] == "lint":
            self._lint()
        elif options["action"] == "test":
            self._test()
        elif options["action"] == "prove":
            self._prove(options["rule"])
        else:
            self._import(options["file"], options=options)

    def _export(self, file: str) -> None:
        text = write_yaml(get_current_document())
        if file == "-":
            self.stdout.write(text, ending="")
            return
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as error:
            told = _("%(path)s cannot be written: %(reason)s.") % {"path": file, "reason": reason_of(error)}
            raise CommandError(told) from error
        self.stdout.write(_("Wrote r%(number)s to %(file)s.") % {"number": get_head().revision, "file": file})

    def _import(self, file: str, *, options: dict[str, Any]) -> None:
        document = self._read(file)
        if options["publish"]:
            revision = publish_revision(document=document, by=None, actor=OPERATOR, note=options["override"])
            self.stdout.write(_("Published r%(number)d.") % {"number": revision.number})
        elif options["draft"]:
            self._save_draft(file, document, note=options["override"])
        else:
            changes = describe_changes(get_current_document(), json.loads(canonical_text(document)))
            told = _("%(file)s is valid. It would become r%(number)d: %(changes)s.")
            number = get_head().revision + 1
            self.stdout.write(told % {"file": file, "number": number, "changes": changes.in_words()})
            self.stdout.write(_("Publish it with: manage.py policy import %(file)s --publish") % {"file": file})

    def _save_draft(self, file: str, document: Any, *, note: str) -> None:
        title = "policy.yaml" if file == "-" else Path(file).name
        try:
            draft = save_draft(change=lambda _current: document, title=title, by=None, actor=OPERATOR, note=note)
        except DraftRefusedError as refused:
            raise CommandError(str(refused)) from refused
        told = _("Saved draft %(draft)s from r%(number)d. It is not in force.")
        self.stdout.write(told % {"draft": draft.public_id, "number": draft.base_revision})
        self.stdout.write(_("An admin publishes or discards it on the page of the NDA rules."))

    def _test(self) -> None:
        results = run_cases(get_current_bundle().bundle, now=timezone.now())
        failed = [result for result in results if not result.is_met]
        for result in failed:
            key, wanted = result.case.expect
            told = _("failed: %(case)s: expected %(key)s %(wanted)s, got %(found)s")
            self.stdout.write(told % {"case": result.case.name, "key": key, "wanted": wanted, "found": result.got})
        if failed:
            told = _("%(failed)d of %(all)d cases failed.")
            raise CommandError(told % {"failed": len(failed), "all": len(results)})
        passed = ngettext("%(count)d case passed.", "%(count)d cases passed.", len(results))
        self.stdout.write(passed % {"count": len(results)})

    def _lint(self) -> None:
        lines = lint_lines(get_current_bundle().bundle, now=timezone.now(), language=get_language() or "en")
        self.stdout.write("\n".join(lines) or _("No findings."))

    def _prove(self, rule: str | None) -> None:
        try:
            proofs = prove_rules(get_current_bundle().bundle, only=rule, now=timezone.now())
        except LookupError as error:
            raise CommandError(str(error.args[0])) from error
        for proof in proofs:
            self.stdout.write("\n".join(proof_lines(proof)))
        if not proofs:
            self.stdout.write(_("There is no restricting rule to prove."))
        open_rules = [proof.rule for proof in proofs if proof.counterexample]
        if open_rules:
            raise CommandError(_("Not proved: %(rules)s.") % {"rules": ", ".join(open_rules)})

    def _read(self, file: str) -> object:
        try:
            document = read_policy_file(content_of(file))
            read_policy(document)
        except OSError as error:
            told = _("%(path)s cannot be read: %(reason)s.") % {"path": file, "reason": reason_of(error)}
            raise CommandError(told) from error
        except PolicyErrors as error:
            lines = [f"{sentence_of(problem)} [{problem.code}]" for problem in error.problems]
            title = ngettext("%(file)s has %(count)d problem:", "%(file)s has %(count)d problems:", len(lines))
            raise CommandError("\n".join([title % {"file": file, "count": len(lines)}, *lines])) from error
        return document
