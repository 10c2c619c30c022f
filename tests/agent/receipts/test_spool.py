"""Receipts on the disk: what a power failure right after a launch would leave."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from kirikae.cli import main
from kirikae.errors import PreflightError
from kirikae.home import Home
from kirikae.receipts.notes import write_note
from kirikae.receipts.spool import write_receipt


def test_a_receipt_is_flushed_and_then_its_name(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[tuple[int, bool]] = []
    file = home.path / "receipts" / "1-start.json"
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append((os.fstat(handle).st_ino, file.exists())))

    write_receipt(home, {"kind": "start"}, name="1-start")

    assert flushed == [(file.stat().st_ino, False), (file.parent.stat().st_ino, True)]


def test_a_note_of_a_running_launch_waits_for_no_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("flushed"))

    note = write_note(home, {"kind": "start"}, decision_id="1")

    assert json.loads(Path(note).read_bytes()) == {"kind": "start"}


def refuse_folders(handle: int) -> None:
    """A disk that takes files and cannot say that it keeps their names."""
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        raise OSError(errno.EIO, "input/output error")


def test_a_receipt_that_may_not_last_counts_as_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refuse_folders)

    with pytest.raises(PreflightError):
        write_receipt(home, {"kind": "start"}, name="1-start")


def test_nothing_is_launched_before_its_receipt_is_on_the_disk(
    synced: Home, open_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, started = tmp_path / "programs" / "claude", tmp_path / "started"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{started}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    command = ["run", "--task", "architecture-design", "--", "claude"]
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", refuse_folders)

        assert (main(command), started.exists()) == (PreflightError.exit_code, False)

    assert (main(command), started.exists()) == (0, True)
