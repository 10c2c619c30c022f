"""Receipts of launches: written to a spool before the client starts, sent with the next `sync` or `report`.

Never the prompt and never values of arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kirikae.home import Home

if TYPE_CHECKING:
    from kirikae.portal_client import PortalClient

SPOOL = "receipts"
# A receipt carries request and answer, some KiB; the portal takes bodies of 64 KiB.
BATCH = 4
# A machine that is away for months keeps the newest; a spool must not fill the disk.
MAX_KEPT = 2000


def write_receipt(home: Home, receipt: Mapping[str, object], *, name: str) -> None:
    """`name` starts with the decision's id, which sorts by time."""
    home.write_json(f"{SPOOL}/{name}.json", receipt)
    kept = sorted((home.path / SPOOL).glob("*.json"))
    for file in kept[:-MAX_KEPT]:
        file.unlink(missing_ok=True)


def send_receipts(home: Home, client: PortalClient) -> int:
    """How many the portal took; raises PortalError, and what was not taken stays in the spool."""
    files = sorted((home.path / SPOOL).glob("*.json"))
    for start in range(0, len(files), BATCH):
        batch = files[start : start + BATCH]
        client.post("/api/v1/receipts", {"receipts": [json.loads(file.read_bytes()) for file in batch]})
        for file in batch:
            file.unlink(missing_ok=True)
    return len(files)
