"""Cloud sessions before, after and beside protected work: what of it they can reach."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.launch.scenarios import CLOUD_PORT, LOCAL_PORT, SECRET, Desk, Result

pytestmark = [pytest.mark.e2e, pytest.mark.where("namespaces")]


@pytest.fixture
def desk(tmp_path: Path, needs_program: Callable[[str], str]) -> Desk:
    needs_program("claude")
    desk = Desk(tmp_path)
    desk.use_gateway()
    return desk


def sent_to_the_cloud(result: Result) -> str:
    return json.dumps([request["body"] for request in result.cloud])


def test_a_later_plain_session_does_not_carry_the_transcript(desk: Desk) -> None:
    desk.stubs = [(LOCAL_PORT, ()), (CLOUD_PORT, ())]
    desk.launch("-p", f"remember {SECRET}")
    desk.step("claude", "-c", "-p", "what did I say?")
    desk.step("claude", "-p", "anything")

    result = desk.play()

    assert SECRET in json.dumps([request["body"] for request in result.local])
    assert result.runs[0]["code"] == 0
    assert result.cloud
    assert SECRET not in sent_to_the_cloud(result)
    assert desk.files_with(SECRET) == []
    assert (result.names, result.outside) == ([], [])


def test_without_kirikae_the_same_transcript_is_carried(desk: Desk) -> None:
    """The control: the client alone sends the earlier session again."""
    desk.stubs = [(CLOUD_PORT, ())]
    desk.step("claude", "-p", f"remember {SECRET}")
    desk.step("claude", "-c", "-p", "what did I say?")

    result = desk.play()

    assert SECRET in json.dumps(result.cloud[-1]["body"]["messages"])
