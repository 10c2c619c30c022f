"""The data files that ship with the engine: the default policy and the measured client prefixes."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"


@cache
def shipped_policy() -> dict[str, Any]:
    return _read("shipped_policy.json")


@cache
def client_prefixes() -> dict[str, Any]:
    return _read("client_prefixes.json")


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_DATA / name).read_text(encoding="utf-8"))
    return found
