"""Which reason of an answer is marked as the one that decided, and addresses on pages."""

from typing import Any

import pytest

from portal.common.templatetags.answers import breaks, marked_reasons
from tests.golden.run import Worlds, read_cases

WORLDS = Worlds("routing.engine")
ANSWERS = {case["name"]: case for case in read_cases()}


def marks(name: str) -> dict[str, str]:
    answer: dict[str, Any] = WORLDS.answer(ANSWERS[name])
    return {reason["code"]: mark for reason, mark in marked_reasons(answer) if mark}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("the data may not leave: local", {"rule_matched": "decides"}),
        ("protected work is refused: down", {"rule_matched": "decides", "runtime_down": "fails"}),
        ("either is cloud when never measured", {"either_cloud_speed_unknown": "decides"}),
        ("a mistake would be bad: cloud", {"task_prefers_cloud": "decides"}),
        ("unknown machine: open goes to the cloud", {"task_prefers_cloud": "decides"}),
        ("open work goes to the cloud: down", {"fallback_to_cloud": "decides", "runtime_down": "fails"}),
    ],
)
def test_deciding_reason_is_marked_once_and_what_failed_is_marked_too(case: str, expected: dict[str, str]) -> None:
    found = marks(case)

    assert {code: found.get(code) for code in expected} == expected
    assert list(found.values()).count("decides") == 1


def test_an_address_breaks_at_its_slashes_and_stays_text() -> None:
    assert breaks("github.com/a<b>/c") == "github.com/<wbr>a&lt;b&gt;/<wbr>c"
