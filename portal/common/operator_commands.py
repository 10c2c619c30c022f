"""What the operator types: it works before the first start of the portal too, and refuses in one plain sentence."""

import sys
from collections.abc import Callable
from typing import Any

from django.core.management import ManagementUtility, call_command
from django.core.management.base import BaseCommand, OutputWrapper
from django.db import connection


class Commands(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        command = super().fetch_command(subcommand)
        command.stderr = _Sentences(sys.stderr)
        return command


class _Sentences(OutputWrapper):
    """Without the name of the exception, which Django puts in front and which tells an operator nothing."""

    def write(  # type: ignore[override] # TextIOBase's, whose argument has no name and which returns a count
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        super().write(msg.removeprefix("CommandError: "), style_func, ending)


class OperatorCommand(BaseCommand):
    """An empty database gets its tables first; one with tables is left to `up`, which backs it up before a change."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if not connection.introspection.table_names():
            call_command("migrate", verbosity=0, interactive=False)
        return super().execute(*args, **options)
