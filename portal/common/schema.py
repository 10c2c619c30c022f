"""Does the database's schema fit this checkout? Only reads which migrations were applied and which exist here."""

from collections.abc import Iterable
from functools import cache

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

type Migrations = frozenset[tuple[str, str]]


def list_applied() -> Migrations:
    """(app, name) of each migration that the database has; empty for a new one."""
    return frozenset(MigrationRecorder(connection).applied_migrations())


def list_pending() -> list[str]:
    """What `migrate` would do, in its order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def count_missing() -> int:
    """How many migrations the database does not have. One query: the files are read once in a process."""
    return len(_known() - list_applied())


@cache
def _known() -> Migrations:
    return frozenset(MigrationLoader(None).disk_migrations)


def list_unknown(applied: Iterable[tuple[str, str]]) -> list[str]:
    """Those that this checkout does not have: a newer one made them."""
    return sorted(f"{app}.{name}" for app, name in applied if (app, name) not in _known())
