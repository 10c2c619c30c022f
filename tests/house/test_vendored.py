"""Files of other projects that we serve are exactly the ones the manifest names."""

import hashlib
import json
from pathlib import Path

VENDOR = Path("portal/static/vendor")


def test_every_vendored_file_has_the_hash_of_its_release() -> None:
    entries = json.loads((VENDOR / "vendored.json").read_text())

    for entry in entries:
        assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["name"]
        assert (VENDOR / entry["licence_file"]).is_file()


def test_nothing_is_vendored_without_an_entry() -> None:
    entries = json.loads((VENDOR / "vendored.json").read_text())
    known = {entry["file"] for entry in entries} | {entry["licence_file"] for entry in entries} | {"vendored.json"}

    assert {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} == known
