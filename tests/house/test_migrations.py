"""Migrations: complete, one after the other, named by what they are for, and working from the first on."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from tests.places import new_place

OURS = ("machines", "portal", "routing")
# A name says an intent; these are what Django writes when nobody has thought of one.
THOUGHTLESS = re.compile(r"_auto_|_alter_|_and_more$|_remove_\w+_\w+_|_squashed_")


def own_migrations() -> dict[str, list[str]]:
    """Names by app, in the order of their numbers."""
    found: dict[str, list[str]] = {}
    for label, name in sorted(MigrationLoader(None).disk_migrations):
        if apps.get_app_config(label).name.split(".")[0] in OURS:
            found.setdefault(label, []).append(name)
    return found


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_each_app_has_one_line_of_migrations_without_gaps() -> None:
    graph = MigrationLoader(None).graph
    for label, names in own_migrations().items():
        assert graph.leaf_nodes(label) == [(label, names[-1])]
        assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1)), label
        for before, name in pairwise(names):
            own = [parent.key for parent in graph.node_map[label, name].parents if parent.key[0] == label]
            assert own == [(label, before)]


def test_each_migration_is_named_by_its_intent() -> None:
    names = [name for names in own_migrations().values() for name in names]

    assert [
        name for name in names if not re.fullmatch(r"\d{4}_[a-z][a-z0-9_]+", name) or THOUGHTLESS.search(name)
    ] == []


@pytest.mark.slow
def test_migrations_run_one_by_one_from_the_first_and_end_at_the_models(tmp_path: Path) -> None:
    place = new_place(tmp_path / "data")
    names = [name for label, names in own_migrations().items() for name in (f"{label}.{one}" for one in names)]

    told = place.manage("shell", "-v", "0", "-c", STEP_BY_STEP)

    assert set(names) <= set(told.split())
    assert place.manage("migrate", "--check") == ""
    place.manage("makemigrations", "--check", "--dry-run")


STEP_BY_STEP = """
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
first = MigrationExecutor(connection)
for migration, _ in first.migration_plan(first.loader.graph.leaf_nodes()):
    MigrationExecutor(connection).migrate([(migration.app_label, migration.name)])
    connection.check_constraints()
    print(f"{migration.app_label}.{migration.name}")
"""
