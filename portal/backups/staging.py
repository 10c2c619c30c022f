"""Private folders in which a backup is made or unpacked. They hold secrets; what a killed process left is deleted."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".kirikae-"


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Beside the target: what is made in it gets its name in one step. Raises OSError."""
    _sweep(folder)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as name:
        # Held while it is in use; the system lets go of it however this process ends.
        lock = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(lock)


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*"):
        # In use (also by this process), another user's, or gone meanwhile.
        with contextlib.suppress(OSError):
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)
