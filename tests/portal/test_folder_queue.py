"""The queue in a folder: messages come out whole, in order, once, and a broken one harms nobody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu.connection import Connection

from portal.embedded import folder_queue


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Any]:
    folder_queue.register()
    options = {"data_folder_in": tmp_path, "data_folder_out": tmp_path, "control_folder": tmp_path / "control"}
    with Connection("folder://", transport_options=options) as connection:  # type: ignore[no-untyped-call]  # kombu
        yield connection.channel()


def drain(channel: Any, queue: str = "house") -> list[Any]:
    messages = []
    while True:
        try:
            messages.append(channel._get(queue))
        except Empty:
            return messages


def test_messages_come_out_in_order_and_leave_nothing_behind(channel: Any, tmp_path: Path) -> None:
    for number in range(5):
        channel._put("house", {"number": number})
    channel._put("poll", {"number": 9})

    assert [message["number"] for message in drain(channel)] == [0, 1, 2, 3, 4]
    assert [path.name.partition(".")[2] for path in tmp_path.glob("*.msg")] == ["poll.msg"]
    assert list(tmp_path.glob(".*")) == []


def test_half_written_and_broken_files_are_passed_over(channel: Any, tmp_path: Path) -> None:
    (tmp_path / "00_a.house.msg").touch()
    (tmp_path / "01_b.house.msg").write_text("{")
    (tmp_path / ".02_c.house.msg.part").write_text('{"number": 1')
    channel._put("house", {"number": 2})

    assert drain(channel) == [{"number": 2}]


def test_two_readers_share_the_messages_without_loss(channel: Any) -> None:
    for number in range(200):
        channel._put("house", {"number": number})

    with ThreadPoolExecutor(2) as readers:
        shares = list(readers.map(lambda _: drain(channel), range(2)))

    assert sorted(message["number"] for share in shares for message in share) == list(range(200))
