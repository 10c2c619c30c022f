"""What a running launch remembers in a file: its first receipt, from which the later ones are made.

The process that waits for the client knows neither policy nor decision.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from kirikae.errors import PreflightError
from kirikae.home import Home
from kirikae.moments import now, write_moment
from kirikae.receipts.spool import write_receipt

FOLDER = "launches"
# Of launches whose wrapper was killed; the newest may still run.
MAX_KEPT = 100
_ID = re.compile(r"[0-9a-f-]{36}")


def write_note(home: Home, receipt: Mapping[str, object], *, decision_id: str) -> str:
    """The file's path. Raises PreflightError."""
    for file in sorted((home.path / FOLDER).glob("*.json"))[:-MAX_KEPT]:
        file.unlink(missing_ok=True)
    # Whoever reads it has ended as well when the power fails.
    home.write_json(f"{FOLDER}/{decision_id}.json", receipt, is_flushed=False)
    return str(home.path / FOLDER / f"{decision_id}.json")


def find_note(home: Home, decision_id: str) -> dict[str, object] | None:
    """The first receipt of a launch that runs; nobody can guess its id."""
    return home.read_json(f"{FOLDER}/{decision_id}.json") if _ID.fullmatch(decision_id) else None


def write_later_receipt(note: str, *, kind: str, exit_code: int | None) -> None:
    """Never raises: the client's work and its exit code do not depend on a full disk; the portal sees it missing."""
    file = Path(note)
    home = Home(file.parent.parent)
    with suppress(OSError, ValueError, PreflightError):
        receipt = json.loads(file.read_bytes()) | {"kind": kind, "at": write_moment(now()), "exit": exit_code}
        write_receipt(home, receipt, name=f"{file.stem}-{kind}")
        if kind == "end":
            file.unlink(missing_ok=True)
