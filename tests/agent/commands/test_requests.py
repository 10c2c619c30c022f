"""`kirikae request` asks the admins, `sync` fetches the answer, the next `ask` tells it once."""

import json
from pathlib import Path

import pytest
from kirikae import cli
from kirikae.errors import PortalError
from kirikae.home import Enrolment, Home
from kirikae.portal.client import PortalClient
from kirikae.portal.own_requests import keep_request, refresh_requests, tell_answers

from tests.agent.standin import answer, routes, standin

OPEN = {"id": "q_1", "kind": "classify", "state": "open", "revision": None}


class Answering(PortalClient):
    """A portal that says this of the requests."""

    def __init__(self, results: list[dict[str, object]] | None) -> None:
        self.results, self.asked = results, 0

    def get(self, path: str) -> dict[str, object]:
        self.asked += 1
        if self.results is None:
            raise PortalError("portal.refused", status=404)
        return {"results": self.results, "next": None}


def told(home: Home, folder: Path) -> list[str]:
    return [sentence.strip() for sentence in tell_answers(home, folder)]


@pytest.mark.slow
def test_a_request_is_sent_with_the_signals_of_the_folder(
    synced: Home, open_project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    reply = routes({"/api/v1/requests": answer(json.dumps(OPEN).encode())})

    def behave(request, send):
        seen.append(request)
        reply(request, send)

    with standin(behave) as url:
        enrolment = synced.get_enrolment()
        moved = Enrolment(url, enrolment.machine, enrolment.name, enrolment.signing_key)
        synced.save_enrolment(moved, token="kmt_ID_SECRET")
        assert cli.main(["request", "classify", "--reason", "a customer"]) == 0

    body = json.loads(seen[0].partition(b"\r\n\r\n")[2])
    assert (body["kind"], body["reason"]) == ("classify", "a customer")
    assert body["projects"][0]["remotes"][0]["raw"] == "git@github.com:example/site.git"
    assert f"q_1 at {url}/requests/" in capsys.readouterr().out


def test_an_answer_is_told_once_in_the_folder_it_was_asked_from(home: Home, tmp_path: Path) -> None:
    keep_request(home, tmp_path, OPEN)
    before = told(home, tmp_path)

    refresh_requests(home, Answering([{**OPEN, "state": "answered", "revision": 7}]))

    assert before == told(home, tmp_path.parent) == []
    assert told(home, tmp_path) == ["answered: your request (classify) was answered with policy revision 7"]
    assert told(home, tmp_path) == []


def test_a_declined_request_is_told_too(home: Home, tmp_path: Path) -> None:
    keep_request(home, tmp_path, OPEN)

    refresh_requests(home, Answering([{**OPEN, "state": "declined"}]))

    assert told(home, tmp_path) == ["answered: your request (classify) was declined"]


def test_the_portal_is_asked_only_while_a_request_waits(home: Home, tmp_path: Path) -> None:
    portal = Answering([])
    refresh_requests(home, portal)
    keep_request(home, tmp_path, OPEN)
    refresh_requests(home, portal)

    assert portal.asked == 1
    assert told(home, tmp_path) == []


def test_an_older_portal_leaves_the_request_waiting(home: Home, tmp_path: Path) -> None:
    keep_request(home, tmp_path, OPEN)

    refresh_requests(home, Answering(None))

    assert home.read_json("requests.json")["requests"] == [{**OPEN, "folder": str(tmp_path)}]
