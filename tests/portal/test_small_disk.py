"""A full disk and a read-only database: one clear sentence, and afterwards everything is as it was.

The small disk is a file system in memory that only the test's own processes see: in a mount namespace as root, in a
user namespace otherwise. Where neither is allowed the tests say so, and fail when CI is set.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.places import new_place
from tests.running import portal_environment
from tests.servers.postgresql import FOLDERS

pytestmark = pytest.mark.slow

type OnSmallDisk = Callable[[str], subprocess.CompletedProcess[str]]

PREPARE = """
set -e
mount -t tmpfs -o size=3m,mode=700 tmpfs "$KIRIKAE_DATA_DIR"
manage() { "$PYTHON" manage.py "$@"; }
fill() { dd if=/dev/zero of="$KIRIKAE_DATA_DIR/filler" bs=4k 2>/dev/null || true; }
refused() { if out=$(manage "$@" 2>&1); then echo "NOT REFUSED: $*"; else echo "$? $out"; fi; }
keep() { cp "$KIRIKAE_DATA_DIR"/kirikae.sqlite3* "$KEPT"; ls -A "$KIRIKAE_DATA_DIR" > "$KEPT/names"; }
"""


def namespace() -> list[str] | None:
    for options in (["-m"], ["-U", "-r", "-m"]):
        command = ["unshare", *options, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return ["unshare", *options]
    return None


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where a test's script puts what it found on its disk, which is gone afterwards."""
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


@pytest.fixture
def on_small_disk(tmp_path: Path, kept: Path) -> OnSmallDisk:
    if (own := namespace()) is None:
        sentence = "no file system may be mounted here, not even in a namespace: full disks are not tested"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    (tmp_path / "data").mkdir()
    variables = {"KIRIKAE_DATA_DIR": str(tmp_path / "data"), "PYTHON": sys.executable, "KEPT": str(kept)}

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*own, "sh", "-c", PREPARE + script],
            env=portal_environment(**variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    return run


def tokens_in(kept: Path) -> list[str]:
    with closing(sqlite3.connect(kept / "kirikae.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name for (name,) in database.execute("SELECT name FROM accounts_apitoken ORDER BY id")]


def test_full_disk_refuses_in_one_sentence_and_damages_nothing(on_small_disk: OnSmallDisk, kept: Path) -> None:
    done = on_small_disk("""
        manage migrate -v 0
        manage api_token --name before --scope read >/dev/null
        fill
        refused api_token --name during --scope read
        refused backup "$KIRIKAE_DATA_DIR/backup.zip"
        rm "$KIRIKAE_DATA_DIR/filler"
        manage api_token --name after --scope read >/dev/null
        keep
    """)

    token, backup = done.stdout.strip().splitlines()
    assert token.startswith("1 The database /")
    assert "cannot be used: the disk is full (" in token
    assert token.endswith("Make room there.")
    assert backup.startswith("1 ")
    assert "disk is full" in backup or "No space left" in backup
    assert tokens_in(kept) == ["before", "after"]
    assert "backup.zip" not in (kept / "names").read_text()
    assert ".kirikae-" not in (kept / "names").read_text()


def test_portal_does_not_start_on_a_full_disk(on_small_disk: OnSmallDisk) -> None:
    done = on_small_disk("""
        manage migrate -v 0
        fill
        refused up --port 0
    """)

    [sentence] = done.stdout.strip().splitlines()
    assert sentence.startswith("1 ")
    assert "No space left on device" in sentence or "disk is full" in sentence


def test_restore_on_a_full_disk_leaves_the_portal_as_it_was(on_small_disk: OnSmallDisk, kept: Path) -> None:
    done = on_small_disk("""
        manage migrate -v 0
        manage api_token --name before --scope read >/dev/null
        manage backup "$KEPT/backup.zip" >/dev/null
        manage api_token --name later --scope read >/dev/null
        fill
        refused restore "$KEPT/backup.zip" --replace
        rm "$KIRIKAE_DATA_DIR/filler"
        keep
    """)

    assert done.stdout.startswith("1 ")
    assert len(done.stdout.strip().splitlines()) == 1
    assert tokens_in(kept) == ["before", "later"]


def test_disk_that_became_read_only_is_one_sentence(on_small_disk: OnSmallDisk, kept: Path) -> None:
    done = on_small_disk("""
        manage migrate -v 0
        manage api_token --name before --scope read >/dev/null
        keep
        mount -o remount,ro "$KIRIKAE_DATA_DIR"
        refused api_token --name during --scope read
        refused up --port 0
    """)

    token, up = done.stdout.strip().splitlines()
    assert token.startswith("1 The database /")
    assert "/data cannot be written. Make it writable" in token
    assert "cannot be written: Read-only file system" in up
    assert tokens_in(kept) == ["before"]


@pytest.mark.where("postgresql")  # SQLite is read-only when its disk is
def test_read_only_server_is_one_sentence_and_can_still_be_backed_up(tmp_path: Path) -> None:
    place = new_place(tmp_path / "data")
    place.manage("migrate", "-v", "0")
    with psycopg.connect(place.variables["KIRIKAE_DATABASE_URL"], autocommit=True) as server:
        name = Identifier(server.info.dbname)
        server.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))

    assert "is read-only. Make it writable" in place.refuse("api_token", "--name", "x", "--scope", "read")
    assert "read-only" in place.refuse("up", "--port", "0")
    place.manage("backup", str(tmp_path / "backup.zip"))


@pytest.mark.where("postgresql")
@pytest.mark.where("root")
def test_server_whose_disk_is_full_refuses_in_one_sentence_and_loses_nothing() -> None:
    # Not pytest's folder: the server does not run as root, and must get through to its own.
    with tempfile.TemporaryDirectory(prefix="kirikae-disk-", dir=FOLDERS) as folder:
        command = ["unshare", "-m", sys.executable, "-m", "tests.full_disk", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)

    found = json.loads(done.stdout)
    assert found["code"] == 1
    assert re.fullmatch(r"The database cannot be used: [^\n]+\n", found["said"])
    assert found["tokens"] == ["before", "after"]
    assert found["revisions"] == 1
