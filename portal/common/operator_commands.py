"""What the operator types: in the language of the terminal, refused in one plain sentence, from the first start on."""

import argparse
import sys
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.management import ManagementUtility, call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandParser, OutputWrapper
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from portal import terminal
from portal.common.schema import list_pending

_OURS = ("portal.", "machines", "routing")
# The options of Django's that only its own developers need. They work, but no help tells of them.
_DJANGO_OPTIONS = {
    "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color",
}  # fmt: skip
# What argparse says in a help text or an error of ours.
_ARGPARSE = (
    terminal.gettext_noop("usage: "),
    terminal.gettext_noop("options"),
    terminal.gettext_noop("positional arguments"),
    terminal.gettext_noop("show this help message and exit"),
    terminal.gettext_noop("%(prog)s: error: %(message)s\n"),
    terminal.gettext_noop("argument %(argument_name)s: %(message)s"),
    terminal.gettext_noop("ambiguous option: %(option)s could match %(matches)s"),
    terminal.gettext_noop("expected one argument"),
    terminal.gettext_noop("ignored explicit argument %r"),
    terminal.gettext_noop("invalid %(type)s value: %(value)r"),
    terminal.gettext_noop("invalid choice: %(value)r (choose from %(choices)s)"),
    terminal.gettext_noop("not allowed with argument %s"),
    terminal.gettext_noop("the following arguments are required: %s"),
    terminal.gettext_noop("unrecognized arguments: %s"),
)


class Commands(ManagementUtility):
    def execute(self) -> None:
        # argparse would ask the locale alone, and only the catalogues of the system.
        vars(argparse).update(_=terminal.gettext, ngettext=terminal.ngettext)
        super().execute()

    def main_help_text(self, commands_only: bool = False) -> str:
        if commands_only or not settings.configured:
            return super().main_help_text(commands_only)
        with translation.override(terminal.language_of_terminal()):
            told = {name: _(load_command_class(app, name).help) for name, app in _list_own_commands()}
            width = max(map(len, told))
            return "\n".join(
                (
                    _("usage: %(program)s COMMAND [OPTION ...]") % {"program": self.prog_name},
                    "",
                    *(f"  {name:{width}}  {sentence}" for name, sentence in told.items()),
                    "",
                    _("The options of one: %(program)s help COMMAND") % {"program": self.prog_name},
                    _("Django's commands as well: %(program)s help --commands") % {"program": self.prog_name},
                )
            )

    def fetch_command(self, subcommand: str) -> BaseCommand:
        if settings.configured and subcommand not in get_commands():
            sys.exit(_unknown(subcommand, program=self.prog_name))
        command = super().fetch_command(subcommand)
        if isinstance(command, TerminalCommand):
            translation.activate(terminal.language_of_terminal())
        command.stderr = _Sentences(sys.stderr)
        return command


def _list_own_commands() -> Iterator[tuple[str, str]]:
    for name, app in sorted(get_commands().items()):
        if app.startswith(_OURS):
            yield name, app


def _unknown(name: str, *, program: str) -> str:
    similar = get_close_matches(name, get_commands(), n=1)
    meant = terminal.gettext(" Did you mean %(command)s?") % {"command": similar[0]} if similar else ""
    told = terminal.gettext("There is no command '%(command)s'.%(meant)s All of them: %(program)s help")
    return told % {"command": name, "meant": meant, "program": program}


class _Sentences(OutputWrapper):
    """Without the name of the exception, which Django puts in front and which tells an operator nothing."""

    def write(  # type: ignore[override] # TextIOBase's, whose argument has no name and which returns a count
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        super().write(msg.removeprefix("CommandError: "), style_func, ending)


class TerminalCommand(BaseCommand):
    """All that it prints, raises and helps with is for people and translated, but for what docs/operations.md names.

    `help` of a command is a text marked by `gettext_noop`: argparse takes no lazy one.
    """

    requires_system_checks = ()
    suppressed_base_arguments = _DJANGO_OPTIONS

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        self.help = _(self.help)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def check_migrations(self) -> None:
        if pending := list_pending():
            told = _("%(count)d migrations are pending. Type: uv run manage.py migrate") % {"count": len(pending)}
            self.stderr.write(told)


class OperatorCommand(TerminalCommand):
    """An empty database gets its tables first; one with tables is left to `up`, which backs it up before a change."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if not connection.introspection.table_names():
            call_command("migrate", verbosity=0, interactive=False)
        return super().execute(*args, **options)
