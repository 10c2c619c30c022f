"""Secrets of the data folder: made once, and never taken from a file that is empty or damaged."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import secret_files


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    made = secret_files.read_or_create(tmp_path / "new" / "secret_key")

    assert len(made) == 43
    assert secret_files.read_or_create(tmp_path / "new" / "secret_key") == made


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_an_empty_or_damaged_file_is_no_secret(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret_key").write_bytes(content)

    with pytest.raises(ImproperlyConfigured, match="secret_key is empty or damaged"):
        secret_files.read_or_create(tmp_path / "secret_key")


def test_a_secret_in_another_script_is_one(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("秘密\n")

    assert secret_files.read_or_create(tmp_path / "secret_key") == "秘密"


def test_a_full_disk_leaves_no_empty_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    def open_full(handle: int, *_options: Any) -> FullDisk:
        os.close(handle)
        return FullDisk()

    monkeypatch.setattr(os, "fdopen", open_full)

    with pytest.raises(ImproperlyConfigured, match="No space left on device"):
        secret_files.read_or_create(tmp_path / "secret_key")
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("/nowhere/else")], ids=["file", "dangling"])
def test_place_that_is_no_folder_is_named(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "data")

    with pytest.raises(ImproperlyConfigured, match=r"/data is no folder\. Correct KIRIKAE_DATA_DIR or --data-dir\."):
        secret_files.read_or_create(tmp_path / "data" / "secret_key")
