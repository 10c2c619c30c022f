"""`doctor` says of each thing that it is well, or what to do."""

import os
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from portal.audit.models import AuditEntry
from portal.health.services import Check, beat
from routing.services import ensure_first_revision
from tests.places import new_place

pytestmark = pytest.mark.django_db

type Doctor = Callable[[], tuple[int, dict[str, str]]]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Exit code, and what was said of each thing that is wrong. Everything but the database's log is well."""
    beat()
    ensure_first_revision()
    # The tests' SQLite lives in memory, where there is no log.
    monkeypatch.setattr("portal.health.doctor._check_journal", lambda: Check("journal", True, "wal"))

    def examine() -> tuple[int, dict[str, str]]:
        out = StringIO()
        try:
            call_command("doctor", stdout=out)
            code = 0
        except SystemExit as ended:
            code = int(str(ended.code))
        return code, dict(re.findall(r"^WRONG  (\S+(?: \S+)*) +(.*)$", out.getvalue(), re.MULTILINE))

    return examine


def test_everything_is_well(doctor: Doctor) -> None:
    assert doctor() == (0, {})


def test_dead_worker_and_missing_policy_are_told(doctor: Doctor) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM health_workerheartbeat")
        cursor.execute("UPDATE common_policyhead SET revision = 0")

    code, wrong = doctor()

    assert code == 1
    assert wrong["worker"].startswith("never seen. Start the portal")
    assert "manage.py up" in wrong["policy"]


def test_files_that_others_can_read_are_told_with_the_command_that_helps(doctor: Doctor) -> None:
    secret = settings.DATA_DIR / "secret_key"
    secret.chmod(0o644)
    settings.DATA_DIR.chmod(0o755)
    try:
        code, wrong = doctor()
    finally:
        secret.chmod(0o600)
        settings.DATA_DIR.chmod(0o700)

    assert code == 1
    assert f"chmod 600 {secret}" in wrong["secret_key"]
    assert f"chmod 700 {settings.DATA_DIR}" in wrong["data folder"]


def test_files_of_another_user_are_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)

    assert "belongs to another user" in doctor()[1]["token_peppers"]


def test_full_disk_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(Path("/"))._replace(free=5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)

    assert doctor()[1] == {"disk": f"only 0.0 GB free at {settings.DATA_DIR}. Make room."}


def test_clock_that_went_back_is_told(doctor: Doctor) -> None:
    AuditEntry.objects.update(at=timezone.now() + timedelta(hours=1))

    assert "NTP" in doctor()[1]["clock"]


def test_pending_and_unknown_migrations_are_told(doctor: Doctor) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("health", "0001_worker_heartbeat")
    assert "1 is pending. Type: uv run manage.py migrate" in doctor()[1]["migrations"]

    recorder.record_applied("health", "0001_worker_heartbeat")
    recorder.record_applied("health", "0999_later")
    assert "newer Kirikae" in doctor()[1]["migrations"]


def test_queue_that_does_not_answer_is_told(doctor: Doctor, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import Celery

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr("portal.health.doctor.celery_app", Celery(broker=settings.REDIS_URL))

    assert "KIRIKAE_REDIS_URL" in doctor()[1]["queue"]


@pytest.mark.slow
def test_new_portal_is_told_what_is_missing_and_its_database_is_in_the_right_mode(tmp_path: Path) -> None:
    place = new_place(tmp_path / "data")

    done = place.run("doctor")

    assert done.returncode == 1
    assert "WRONG  migrations" in done.stdout
    assert re.search(r"^ok +journal +(wal|the server's own)$", done.stdout, re.MULTILINE)
    assert done.stdout.count("WRONG") == 1
    assert done.stderr == ""
