"""`catalogue export [FILE]` and `catalogue import FILE`: the models that the team's Macs may run, as YAML."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from machines.catalogue.files import read_catalogue_file, write_catalogue_file
from machines.catalogue.queries import list_entries
from machines.catalogue.services import save_entries
from portal.audit.services import OPERATOR
from portal.common.engine_words import error_in_words
from portal.common.operator_commands import OperatorCommand
from portal.common.yaml_files import content_of
from portal.terminal import reason_of
from routing.engine.errors import WireError


class Command(OperatorCommand):
    help = gettext_noop(
        "Read or write the model catalogue as a YAML file. An import adds and changes models; it removes none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help=_("write the catalogue as YAML"))
        export.add_argument("file", nargs="?", type=Path, help=_("the file to write (default: standard output)"))
        importing = actions.add_parser("import", help=_("add and change the models of a file"))
        importing.add_argument("file", type=Path, help=_("the file to read; - for standard input"))

    def handle(self, *args: Any, action: str, file: Path | None, **options: Any) -> None:
        if action == "export":
            self._export(file)
        elif file is not None:
            self._import(file)

    def _export(self, file: Path | None) -> None:
        text = write_catalogue_file(list_entries())
        if file is None:
            self.stdout.write(text, ending="")
        else:
            _write(file, text)

    def _import(self, file: Path) -> None:
        try:
            entries = read_catalogue_file(content_of(str(file)))
            changed = save_entries(entries=entries, by=None, actor=OPERATOR)
        except OSError as error:
            told = _("%(path)s cannot be read: %(reason)s.") % {"path": file, "reason": reason_of(error)}
            raise CommandError(told) from error
        except WireError as error:
            raise CommandError(f"{file}: {error_in_words(error)}") from error
        self.stdout.write(_("%(count)d models were added or changed.") % {"count": changed})


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        told = _("%(path)s cannot be written: %(reason)s.") % {"path": file, "reason": reason_of(error)}
        raise CommandError(told) from error
