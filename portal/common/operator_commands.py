"""Commands that the operator types work before the first start of the portal too."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection


class OperatorCommand(BaseCommand):
    """An empty database gets its tables first; one with tables is left to `up`, which backs it up before a change."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if not connection.introspection.table_names():
            call_command("migrate", verbosity=0, interactive=False)
        return super().execute(*args, **options)
