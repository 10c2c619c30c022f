"""What this machine has asked of the admins, and their answers: fetched with `sync`, told by the next `ask`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from kirikae.collect.runtime_facts import entries_of
from kirikae.errors import PortalError
from kirikae.home import Home
from kirikae.texts import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kirikae.portal.client import PortalClient

FILE = "requests.json"
MAX_KEPT = 100


def keep_request(home: Home, folder: Path, answer: Mapping[str, object]) -> None:
    """`answer` as the portal gives it. Raises PreflightError."""
    others = [one for one in _kept(home) if one.get("id") != answer.get("id")]
    entry = {key: answer.get(key) for key in ("id", "kind", "state", "revision")} | {"folder": str(folder)}
    home.write_json(FILE, {"requests": [*others, entry][-MAX_KEPT:]})


def refresh_requests(home: Home, client: PortalClient) -> None:
    """Asks only while one waits. A portal that does not know the call answers nobody: they go on waiting."""
    kept = _kept(home)
    if not any(one.get("state") == "open" for one in kept):
        return
    try:
        answer = client.get("/api/v1/requests")
    except PortalError:
        return
    answers = {one.get("id"): one for one in entries_of(answer, "results")}
    news = [{**one, **_news(answers.get(one.get("id")))} for one in kept]
    if news != kept:
        home.keep_json(FILE, {"requests": news})


def tell_answers(home: Home, folder: Path) -> Iterator[str]:
    """What came of the requests that were made in this folder; each answer is told once."""
    kept = _kept(home)
    told = [one for one in kept if one.get("folder") == str(folder) and one.get("state") in {"answered", "declined"}]
    if told:
        home.keep_json(FILE, {"requests": [one for one in kept if one not in told]})
    for one in told:
        yield say(f"request.{one['state']}", kind=one.get("kind"), revision=one.get("revision"))


def _kept(home: Home) -> list[dict[str, object]]:
    return [dict(entry) for entry in entries_of(home.read_json(FILE), "requests")]


def _news(answer: Mapping[str, object] | None) -> dict[str, object]:
    return {key: answer.get(key) for key in ("state", "revision")} if answer else {}
