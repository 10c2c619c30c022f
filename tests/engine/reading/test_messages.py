"""Origin of a message and the offer to be polled: what is taken, what is refused, and that no token is told."""

from typing import Any

import pytest

from routing.engine.errors import WireError
from routing.engine.facts import report_from_document
from routing.engine.reading.messages import Origin, PollOffer

BOOT = "0123456789abcdef" * 2


def report(**more: Any) -> dict[str, Any]:
    hardware = {"platform": "darwin"}
    return {"schema": 1, "agent_version": "1", "collected_at": "2026-11-25T00:00:00Z", "hardware": hardware, **more}


def test_report_tells_its_origin_and_where_the_agent_answers() -> None:
    poll = {"address": "http://[fd00::7]:7411", "token": "canary-token"}

    read = report_from_document(report(boot_id=BOOT, sequence=3, poll=poll))

    assert read.origin == Origin(BOOT, 3)
    assert read.poll == PollOffer("fd00::7", 7411, "canary-token")
    assert "canary" not in repr(read)


def test_report_of_an_older_agent_tells_neither() -> None:
    read = report_from_document(report(boot_id=None, poll=None))

    assert (read.origin, read.poll) == (None, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"boot_id": BOOT}, "sequence"),
        ({"sequence": 1}, "boot_id"),
        ({"boot_id": BOOT.upper(), "sequence": 1}, "boot_id"),
        ({"boot_id": BOOT[:-1], "sequence": 1}, "boot_id"),
        ({"boot_id": BOOT, "sequence": 0}, "sequence"),
        ({"boot_id": BOOT, "sequence": 2**60}, "sequence"),
        ({"poll": {}}, "poll.address"),
        ({"poll": {"address": "http://10.0.0.7:7411", "token": "canary\n"}}, "poll.token"),
    ],
)
def test_odd_origin_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(WireError) as raised:
        report_from_document(report(**changes))

    assert raised.value.field == field
    assert "canary" not in raised.value.detail


@pytest.mark.parametrize(
    "address",
    [
        "http://127.1:80",
        "http://0x7f000001:80",
        "http://2130706433:80",
        "http://010.0.0.7:80",
        "http://10.0.0.7",
        "http://10.0.0.7:0",
        "http://10.0.0.7:99999",
        "https://10.0.0.7:80",
        "http://10.0.0.7:80/path",
        "http://10.0.0.7:80?q",
        "http://user@10.0.0.7:80",
        "http://[fe80::1%25eth0]:80",
        "http://[::ffff:10.0.0.7]:80#x",
        "http://mac.example:80",
        "http://１０.0.0.7:80",
        "ftp://10.0.0.7:80",
        "http://[10.0.0.7:80",
    ],
)
def test_only_the_one_plain_way_to_write_an_address_is_taken(address: str) -> None:
    with pytest.raises(WireError) as raised:
        report_from_document(report(poll={"address": address, "token": "canary"}))

    assert raised.value.field == "poll.address"
