"""A logged answer told again: in the same language it says what it said first."""

from datetime import timedelta
from typing import Any

from routing.engine.wire import Envelope, answer_document
from routing.wording import localised
from tests.engine.conftest import NOW
from tests.engine.fit.test_memory_in_answers import ask, mac_with

ENVELOPE = Envelope("id", NOW + timedelta(minutes=5), "agent", 0, "fresh", 3, "agent")


def told(language: str) -> Any:
    return answer_document(ask(mac_with(32), context_tokens=150_000), ENVELOPE, language=language)


def test_a_remedy_told_again_still_says_how_much_memory_is_missing() -> None:
    first = told("ja")["alternatives"][0]["remedy"]

    again = localised(told("en"), "ja")["alternatives"][0]["remedy"]

    assert "GB" in again["text"]
    assert again == first


def test_sizes_that_no_engine_gave_are_told_as_unknown() -> None:
    answer = told("en")
    for reason in answer["reasons"]:
        reason["data"] = {"needed_bytes": "much", "limit_bytes": None}

    assert "Free – of memory" in localised(answer, "en")["alternatives"][0]["remedy"]["text"]
