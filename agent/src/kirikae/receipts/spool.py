"""Receipts of launches: written to a spool before the client starts, sent with the next `sync` or `report`.

Never the prompt and never values of arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from kirikae.errors import PortalError
from kirikae.home import Home, unwritten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kirikae.portal.token_rotation import Poster

SPOOL, REFUSED = "receipts", "receipts-refused"
# A receipt carries request and answer, some ten KiB; the portal takes a hundred of them and bodies of 1 MiB.
BATCH = 20
# A machine that is away for months keeps the newest; a spool must not fill the disk.
MAX_KEPT = 2000


def write_receipt(home: Home, receipt: Mapping[str, object], *, name: str) -> None:
    """On the disk when this returns, or PreflightError. `name` starts with the decision's id, which sorts by time."""
    home.write_json(f"{SPOOL}/{name}.json", receipt)
    home.flush_names(SPOOL)
    kept = sorted((home.path / SPOOL).glob("*.json"))
    for file in kept[:-MAX_KEPT]:
        file.unlink(missing_ok=True)


def send_receipts(home: Home, client: Poster) -> int:
    """How many the portal took; what was not taken stays in the spool. Raises PortalError and PreflightError."""
    files = sorted((home.path / SPOOL).glob("*.json"))
    return sum(_send(home, client, files[start : start + BATCH]) for start in range(0, len(files), BATCH))


def count_put_aside(home: Home) -> int:
    return len(list((home.path / REFUSED).glob("*.json")))


def _send(home: Home, client: Poster, files: Sequence[Path]) -> int:
    receipts = {file: receipt for file in files if (receipt := _find_receipt(home, file)) is not None}
    if not receipts:
        return 0
    try:
        client.post("/api/v1/receipts", {"receipts": list(receipts.values())})
    except PortalError as error:
        if error.data.get("status") not in {400, 413}:
            raise
        if len(receipts) > 1:
            return sum(_send(home, client, [file]) for file in receipts)
        _put_aside(home, next(iter(receipts)))
        return 0
    for file in receipts:
        _remove(file)
    return len(receipts)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise unwritten(file, error) from error


def _find_receipt(home: Home, file: Path) -> object:
    """None for one that another process has sent meanwhile, and for one that is damaged."""
    try:
        receipt = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        receipt = None
    if receipt is None:
        _put_aside(home, file)
    return receipt


def _put_aside(home: Home, file: Path) -> None:
    """One that no portal will ever read, or it would hold back all that follow. Raises PreflightError."""
    aside = home.path / REFUSED / file.name
    try:
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        file.replace(aside)
    except OSError as error:
        raise unwritten(aside, error) from error
