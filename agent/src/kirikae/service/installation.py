"""Whether another version was installed in this program's place: a service would go on with the old one for weeks."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import kirikae
from kirikae.digest import sha256_hex

PLACE = Path(kirikae.__file__).parents[1]
# An installer is done by then with the hundred small files that follow or precede its list.
SETTLED_S = 2.0


class Installation:
    """What was there when this process started. `place` is the folder of packages."""

    def __init__(self, place: Path = PLACE) -> None:
        self._place = place
        self._started_with = self._read()
        self._found: str | None = None
        self._found_at = 0.0

    def is_replaced(self, at: float | None = None) -> bool:
        """Never in a checkout, nor while nothing is installed: what runs goes on then."""
        at, found = monotonic() if at is None else at, self._read()
        if found != self._found:
            self._found, self._found_at = found, at
        is_other = None not in {found, self._started_with} and found != self._started_with
        return is_other and at - self._found_at >= SETTLED_S

    def _read(self) -> str | None:
        """Of the installer's list of files and their digests."""
        lists = sorted(self._place.glob("kirikae-*.dist-info/RECORD"))
        try:
            return sha256_hex(b"".join(file.read_bytes() for file in lists)) if lists else None
        except OSError:
            return None
