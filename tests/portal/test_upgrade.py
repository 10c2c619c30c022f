"""The database and the checkout: a backup before each upgrade, and no start on a newer schema."""

import os
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from portal.backups.archive import open_archive, read_manifest
from portal.common.schema import list_applied, list_pending
from portal.embedded.checks import StartRefused
from portal.embedded.upgrade import upgrade_database
from tests.places import new_place

pytestmark = pytest.mark.slow


def forget(app: str, name: str) -> None:
    """As before the upgrade that brought it: the migration is pending again."""
    MigrationRecorder(connection).record_unapplied(app, name)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which commands the upgrade calls, instead of running them."""
    commands: list[str] = []
    monkeypatch.setattr("portal.embedded.upgrade.call_command", lambda name, **_options: commands.append(name))
    return commands


def test_schema_of_this_checkout_needs_no_backup(transactional_db: None, tmp_path: Path) -> None:
    upgrade_database(tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.where("sqlite")  # PostgreSQL is backed up by its operator
def test_database_is_backed_up_before_each_upgrade_and_three_are_kept(
    transactional_db: None, made: list[str], tmp_path: Path
) -> None:
    forget("health", "0001_worker_heartbeat")
    try:
        for _ in range(4):
            upgrade_database(tmp_path)

        assert list_pending() == ["health.0001_worker_heartbeat"]
        backups = sorted((tmp_path / "backups").iterdir())
        with open_archive(backups[-1]) as archive:
            assert set(read_manifest(archive).migrations) == list_applied()
    finally:
        MigrationRecorder(connection).record_applied("health", "0001_worker_heartbeat")
    assert len(backups) == 3
    assert made == ["migrate"] * 4


@pytest.mark.where("sqlite")  # PostgreSQL is backed up by its operator
def test_without_room_for_the_backup_nothing_is_upgraded(
    transactional_db: None, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    forget("health", "0001_worker_heartbeat")
    monkeypatch.setattr(os, "fsync", fail)
    try:
        with pytest.raises(StartRefused, match="No space left on device"):
            upgrade_database(tmp_path)
    finally:
        MigrationRecorder(connection).record_applied("health", "0001_worker_heartbeat")

    assert made == []


def test_newer_schema_is_refused(db: None, made: list[str], tmp_path: Path) -> None:
    MigrationRecorder(connection).record_applied("machines", "0999_later")

    with pytest.raises(StartRefused, match=r"newer Kirikae \(machines.0999_later\)"):
        upgrade_database(tmp_path)

    assert made == []


def test_portal_does_not_start_on_a_newer_schema_and_leaves_it_alone(tmp_path: Path) -> None:
    place = new_place(tmp_path / "data")
    place.manage("migrate", "--verbosity", "0")
    record = "from django.db import connection as c; from django.db.migrations.recorder import MigrationRecorder as M; "
    place.manage("shell", "-v", "0", "-c", record + "M(c).record_applied('machines', '0999_later')")

    for command in (
        ("up", "--port", "0"),
        ("serve", "web", "--port", "0"),
        ("serve", "worker"),
        ("serve", "beat", "--schedule", str(tmp_path / "beat")),
    ):
        assert "newer Kirikae (machines.0999_later)" in place.refuse(*command)
    assert not (place.data_dir / "backups").exists()
