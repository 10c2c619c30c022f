"""Receipts of launches: written to a spool before the client starts, sent with the next `sync` or `report`.

Never the prompt and never values of arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from kirikae.errors import PortalError
from kirikae.home import Home

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
    """How many the portal took; raises PortalError, and what was not taken stays in the spool."""
    files = sorted((home.path / SPOOL).glob("*.json"))
    return sum(_send(home, client, files[start : start + BATCH]) for start in range(0, len(files), BATCH))


def _send(home: Home, client: Poster, files: Sequence[Path]) -> int:
    try:
        client.post("/api/v1/receipts", {"receipts": [json.loads(file.read_bytes()) for file in files]})
    except PortalError as error:
        if error.data.get("status") not in {400, 413}:
            raise
        if len(files) > 1:
            return sum(_send(home, client, [file]) for file in files)
        # One that this portal will never read is put aside, or it would hold back all that follow.
        _put_aside(home, files[0])
        return 0
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


def _put_aside(home: Home, file: Path) -> None:
    home.write(f"{REFUSED}/{file.name}", file.read_bytes())
    file.unlink(missing_ok=True)
