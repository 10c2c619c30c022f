"""Migrations take the time that they take: the limits of requests do not cut them."""

from typing import Any

from django.db import connections

# RESET returns to what the connection was opened with, which are the limits of the settings.
_LIMITS = ("statement_timeout", "lock_timeout")


def lift_limits(using: str, **_: Any) -> None:
    _run_on_postgresql(using, [f"SET {name} = 0" for name in _LIMITS])


def restore_limits(using: str, **_: Any) -> None:
    _run_on_postgresql(using, [f"RESET {name}" for name in _LIMITS])


def _run_on_postgresql(using: str, statements: list[str]) -> None:
    if connections[using].vendor != "postgresql":
        return
    with connections[using].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
