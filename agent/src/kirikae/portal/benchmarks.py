"""The benchmarks of this machine: kept for `ask` and `run`, and sent to the portal, later when it is away."""

from __future__ import annotations

from collections.abc import Sequence

from kirikae.collect.runtime_facts import entries_of
from kirikae.home import Home
from kirikae.portal.token_rotation import Poster

KEPT, UNSENT = "benchmarks.json", "benchmarks-unsent.json"
MAX_KEPT = 50
# What makes a newer benchmark take the place of an older one.
SUBJECT = ("runtime", "runtime_version", "model", "quantization", "depth_tokens")


def keep_benchmarks(home: Home, results: Sequence[dict[str, object]]) -> None:
    """The newest of each subject; also noted as unsent."""
    _merge(home, KEPT, results)
    _merge(home, UNSENT, results)


def send_benchmarks(home: Home, client: Poster) -> int:
    """How many were sent. What the portal has already does no harm. Raises PortalError and keeps them for later."""
    unsent = entries_of(home.read_json(UNSENT), "benchmarks")
    if unsent:
        client.post("/api/v1/benchmarks", {"benchmarks": unsent})
        (home.path / UNSENT).unlink(missing_ok=True)
    return len(unsent)


def _merge(home: Home, name: str, results: Sequence[dict[str, object]]) -> None:
    entries = [*entries_of(home.read_json(name), "benchmarks"), *results]
    newest = {tuple(entry.get(field) for field in SUBJECT): entry for entry in entries}
    home.write_json(name, {"benchmarks": list(newest.values())[-MAX_KEPT:]})
