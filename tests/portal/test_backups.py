"""A backup holds everything, is whole or not there, and makes a working portal again; agents go on without a stop."""

import json
import os
import re
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from portal.accounts.models import User
from portal.backups import archive
from portal.backups.databases import copier, find_program
from portal.backups.staging import staging
from portal.common.policy_head import least_epoch_after_restore
from tests.places import Place, new_place, server_url
from tests.running import RunningPortal, free_port, kill_quietly, portal_environment, start_portal

KIRIKAE = (sys.executable, "-m", "kirikae.cli")
RULE = """version: 1
privacy_rules:
  - {{id: nda-acme, effect: local_only, match: {{remotes: ["{remote}"]}}, reason: {{en: NDA}}}}
"""


@pytest.fixture
def backup(transactional_db: None, tmp_path: Path) -> Path:
    if connection.vendor == "postgresql":
        # What earlier tests' threads used waits in the pool of this process, which is no portal that runs.
        connection.close_pool()  # type: ignore[attr-defined]  # only that of PostgreSQL has it
    User.objects.create_user(email="aiko@example.org", name="Aiko", password=None)
    file = tmp_path / "kirikae.zip"
    call_command("backup", str(file), verbosity=0)
    return file


def refused(file: Path, *options: str) -> str:
    with pytest.raises(CommandError) as raised:
        call_command("restore", str(file), *options)
    assert not list(settings.DATA_DIR.glob(".kirikae-*"))
    assert User.objects.count() == 1
    return str(raised.value)


def rewrite(file: Path, **changes: object) -> None:
    """The same archive with these entries of the manifest changed."""
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | changes).encode()
    with zipfile.ZipFile(file, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
        new.comment = b"0" * 64
    archive.seal(file)


@pytest.mark.slow
def test_backup_is_private_and_names_what_it_holds(backup: Path) -> None:
    with archive.open_archive(backup) as opened:
        manifest = archive.read_manifest(opened)

    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert set(manifest.digests) == {copier().member, "secret_key", "token_peppers", "signing_key.pem"}
    assert manifest.database == connection.vendor
    assert ("accounts", "0001_initial") in manifest.migrations
    assert manifest.versions["kirikae"]
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


@pytest.mark.slow
def test_backup_never_overwrites_another(backup: Path) -> None:
    before = backup.read_bytes()

    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(backup))

    assert backup.read_bytes() == before


@pytest.mark.slow
def test_backup_that_cannot_be_written_leaves_nothing(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(CommandError, match="No space left on device"):
        call_command("backup", str(backup.with_name("second.zip")))

    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


@pytest.mark.slow
def test_what_a_killed_backup_left_is_deleted_by_the_next_and_what_is_in_use_stays(backup: Path) -> None:
    code = "import os, sys, pathlib; from portal.backups.staging import staging\n"
    code += "with staging(pathlib.Path(sys.argv[1])) as one: (one / 'secret_key').touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(backup.parent)], check=False, timeout=30)
    [left] = backup.parent.glob(".kirikae-*")

    with staging(backup.parent) as in_use:
        assert not left.exists()
        call_command("backup", str(backup.with_name("second.zip")), verbosity=0)
        assert in_use.exists()

    assert sorted(path.name for path in backup.parent.iterdir()) == ["kirikae.zip", "second.zip"]


@pytest.mark.slow
def test_used_portal_is_not_replaced_unless_told(backup: Path) -> None:
    assert "--replace" in refused(backup)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_damaged_backup_is_refused_before_anything_changes(backup: Path, part: float) -> None:
    content = bytearray(backup.read_bytes())
    content[int(len(content) * part)] ^= 0xFF
    backup.write_bytes(content)

    assert "damaged" in refused(backup, "--replace")


@pytest.mark.slow
def test_cut_backup_and_other_files_are_refused(backup: Path, tmp_path: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-100])
    (tmp_path / "text").write_text("no backup")

    assert "damaged" in refused(backup, "--replace")
    assert "no backup" in refused(tmp_path / "text", "--replace")
    assert "No such file" in refused(tmp_path / "absent", "--replace")


@pytest.mark.slow
def test_sealed_file_that_is_no_archive_is_refused(backup: Path) -> None:
    backup.write_bytes(b"something else" + b"0" * 64)
    archive.seal(backup)

    assert "no backup" in refused(backup, "--replace")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["../evil", "/evil", "sub/secret_key", "..", "a\0b", ""])
def test_names_that_lead_elsewhere_are_refused(backup: Path, name: str) -> None:
    with archive.open_archive(backup) as opened:
        digests = archive.read_manifest(opened).digests
    rewrite(backup, digests={**digests, name: "0" * 64})

    assert f"damaged ({name!r})" in refused(backup, "--replace")


@pytest.mark.slow
def test_packing_that_cannot_be_read_is_refused(backup: Path) -> None:
    """The manifest's flags in the archive's directory: bit 0 says that it is encrypted."""
    content = bytearray(backup.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    backup.write_bytes(content)
    archive.seal(backup)

    assert "damaged (manifest.json)" in refused(backup, "--replace")


@pytest.mark.slow
def test_empty_database_is_not_taken_for_a_backup(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "backup", str(tmp_path / "kirikae.zip")],
        env=portal_environment(KIRIKAE_DATA_DIR=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, "The database is empty" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "kirikae.zip").exists()


@pytest.mark.slow
def test_backup_of_a_newer_portal_is_refused(backup: Path) -> None:
    rewrite(backup, migrations=[["accounts", "0999_later"]])
    assert "newer Kirikae (accounts.0999_later)" in refused(backup, "--replace")

    rewrite(backup, format=2)
    assert "newer Kirikae" in refused(backup, "--replace")


@pytest.mark.slow
def test_backup_of_another_database_or_without_a_part_is_refused(backup: Path) -> None:
    rewrite(backup, digests={})
    assert "not complete" in refused(backup, "--replace")

    rewrite(backup, database="oracle")
    assert "is of oracle" in refused(backup, "--replace")


@pytest.fixture
def old_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but a pg_dump that is older than the server."""
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


@pytest.mark.slow
@pytest.mark.where("postgresql")  # SQLite needs no programs
def test_program_that_is_too_old_is_passed_over_for_the_one_of_the_group(backup: Path, old_programs: Path) -> None:
    call_command("backup", str(backup.with_name("second.zip")))

    assert find_program("pg_dump") != str(old_programs)


@pytest.mark.slow
@pytest.mark.where("postgresql")
def test_missing_and_old_programs_are_named(backup: Path, old_programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = str(backup.with_name("second.zip"))
    monkeypatch.setattr("portal.backups.databases.find_spec", lambda _name: None)

    with pytest.raises(CommandError, match=r"The server is PostgreSQL \d+, and of pg_dump there is only 9 here\."):
        call_command("backup", second)
    old_programs.unlink()
    with pytest.raises(CommandError, match=r"of pg_dump there is none here\. Install .* or newer, or type: uv sync"):
        call_command("backup", second)


@pytest.mark.slow
def test_backup_passes_through_a_pipe(place: Place, places: tuple[Place, Place]) -> None:
    """As into and out of a container: neither side leaves a copy of the secrets on its way."""
    place.manage("migrate", "--verbosity", "0")
    place.manage("api_token", "--name", "first", "--scope", "read")
    copy = place.pipe(b"", "backup", "-")

    told = places[0].pipe(copy.stdout, "restore", "-")

    assert (copy.returncode, told.returncode) == (0, 0), copy.stderr + told.stderr
    assert b"Backed up and verified" in copy.stderr
    assert b"Restored the backup of" in told.stdout
    assert not [*place.data_dir.glob(".kirikae-*"), *places[0].data_dir.glob(".kirikae-*")]


@pytest.mark.slow
@pytest.mark.parametrize("cut", [0, 1, 1000])
def test_backup_that_came_in_part_is_refused(place: Place, places: tuple[Place, Place], cut: int) -> None:
    place.manage("migrate", "--verbosity", "0")
    copy = place.pipe(b"", "backup", "-").stdout

    told = places[0].pipe(copy[:-cut] if cut else b"", "restore", "-")

    assert (told.returncode, told.stdout) == (1, b"")
    assert told.stderr == b"What came in is no backup, or it is damaged. Take another one.\n"


@pytest.fixture
def places(tmp_path: Path) -> tuple[Place, Place]:
    return new_place(tmp_path / "first"), new_place(tmp_path / "second")


class Mac:
    """An agent of its own, with its own home."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def kirikae(self, *arguments: str) -> str:
        environment = portal_environment(KIRIKAE_HOME=str(self.home))
        done = subprocess.run(
            [*KIRIKAE, *arguments], capture_output=True, text=True, timeout=60, env=environment, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def seen(self) -> tuple[int, int]:
        seen = json.loads((self.home / "seen.json").read_text())
        return seen["epoch"], seen["revision"]


@contextmanager
def running(place: Place, port: int) -> Iterator[RunningPortal]:
    portal = start_portal(place.data_dir, port=port, environment=place.variables)
    try:
        yield portal
        portal.stop()
    finally:
        kill_quietly(portal.process)


def publish(place: Place, folder: Path, remote: str) -> None:
    (folder / "policy.yaml").write_text(RULE.format(remote=remote))
    place.manage("policy", "import", str(folder / "policy.yaml"), "--publish")


@pytest.mark.slow
def test_restored_portal_starts_in_a_new_place_and_an_enrolled_agent_goes_on(
    places: tuple[Place, Place], tmp_path: Path
) -> None:
    first, second = places
    mac, port = Mac(tmp_path / "home"), free_port()
    with running(first, port) as portal:
        mac.kirikae("enrol", portal.url, "--join-key", first.manage("join_key"), "--name", "ben-mini")
        publish(first, tmp_path, "github.com/acme/**")
        first.manage("backup", str(tmp_path / "backup.zip"))
        publish(first, tmp_path, "github.com/later/**")
        mac.kirikae("sync")
        assert mac.seen() == (1, 3)

    said = second.manage("restore", str(tmp_path / "backup.zip"))
    with running(second, port):
        mac.kirikae("sync")
        mac.kirikae("report")

    epoch, revision = mac.seen()
    assert f"policy epoch {epoch}" in said
    assert (epoch > 1, revision) == (True, 2)
    assert "github.com/acme/**" in second.manage("policy", "export", "-")
    for name in ("secret_key", "token_peppers", "signing_key.pem"):
        assert (second.data_dir / name).read_bytes().strip() == (first.data_dir / name).read_bytes().strip()
        assert stat.S_IMODE((second.data_dir / name).stat().st_mode) == 0o600


@pytest.mark.slow
def test_restoring_one_backup_in_two_places_gives_two_epochs(
    place: Place, places: tuple[Place, Place], tmp_path: Path
) -> None:
    place.manage("migrate", "--verbosity", "0")
    publish(place, tmp_path, "github.com/acme/**")
    place.manage("backup", str(tmp_path / "backup.zip"))

    first = epoch_of(places[0].manage("restore", str(tmp_path / "backup.zip")))
    time.sleep(1 - time.time() % 1)  # an epoch is a second of the clock, and the clock is what is waited for
    second = epoch_of(places[1].manage("restore", str(tmp_path / "backup.zip")))

    assert 1 < first < second


def test_epochs_count_up_where_the_clock_is_wrong() -> None:
    assert least_epoch_after_restore(datetime(1970, 1, 1, tzinfo=UTC)) == 1
    assert least_epoch_after_restore(datetime(2090, 1, 1, tzinfo=UTC)) < 2**31


def epoch_of(said: str) -> int:
    found = re.search(r"policy epoch (\d+)", said)
    assert found is not None
    return int(found[1])


@pytest.mark.slow
def test_restoring_over_a_used_portal_keeps_what_was_there_and_passes_its_epoch(place: Place, tmp_path: Path) -> None:
    place.manage("migrate", "--verbosity", "0")
    place.manage("api_token", "--name", "first", "--scope", "read")
    publish(place, tmp_path, "github.com/acme/**")
    place.manage("backup", str(tmp_path / "backup.zip"))

    first = place.manage("restore", str(tmp_path / "backup.zip"), "--replace")
    second = place.manage("restore", str(tmp_path / "backup.zip"), "--replace")

    assert 1 < epoch_of(first) < epoch_of(second)
    kept = Path(second.rpartition(": ")[2])
    assert kept.parent == place.data_dir / "backups"
    with archive.open_archive(kept) as opened:
        assert archive.read_manifest(opened).migrations
    shell = "from portal.audit.models import AuditEntry as A; print(A.objects.first().action, A.objects.first().actor)"
    assert place.manage("shell", "-v", "0", "-c", shell) == "backup.restored operator at the command line"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return new_place(tmp_path / "data")


@pytest.mark.slow
def test_restore_is_refused_while_the_portal_runs(place: Place, tmp_path: Path) -> None:
    with running(place, free_port()):
        place.manage("backup", str(tmp_path / "backup.zip"))

        assert "already runs" in place.refuse("restore", str(tmp_path / "backup.zip"), "--replace")


@pytest.mark.slow
@pytest.mark.where("postgresql")  # what runs on SQLite holds the lock of the data folder
def test_restore_is_refused_while_a_process_of_a_team_runs_anywhere(place: Place, tmp_path: Path) -> None:
    place.manage("prepare")
    place.manage("backup", str(tmp_path / "backup.zip"))
    before = place.manage("policy", "export", "-")

    with serving(place) as server:
        told = place.refuse("restore", str(tmp_path / "backup.zip"), "--replace")
        in_japanese = place.refuse("restore", str(tmp_path / "backup.zip"), KIRIKAE_LANG="ja")
    assert server.wait(20) is not None

    assert re.fullmatch(
        r"The portal is still running: its database has \d+ other connections? \(from localhost\)\. "
        r"Stop all web processes and workers first\.",
        told,
    )
    assert in_japanese.startswith("ポータルがまだ動いています")
    assert not (place.data_dir / "backups").exists()
    assert place.manage("policy", "export", "-") == before
    assert "Restored the backup of" in place.manage("restore", str(tmp_path / "backup.zip"), "--replace")


@contextmanager
def serving(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """A web process of a team that nobody has asked for anything yet, from when the database knows it."""
    argv = [sys.executable, "manage.py", "serve", "web", "--port", str(free_port()), "--processes", "1"]
    process = subprocess.Popen(argv, env=portal_environment(**place.variables), start_new_session=True)
    try:
        with psycopg.connect(server_url(), autocommit=True) as watching:
            name = place.variables["KIRIKAE_DATABASE_URL"].partition("?")[0].rpartition("/")[2]
            seen = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE 'UPDATE%%machines_watch%%'"
            deadline = time.monotonic() + 30
            while not (watching.execute(seen, [name]).fetchone() or [0])[0]:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
