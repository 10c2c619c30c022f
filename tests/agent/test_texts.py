"""The sentences of the agent in both languages."""

import string
from pathlib import Path

import pytest
from kirikae.texts import TEXTS, choose_language, say


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", TEXTS)
def test_both_languages_of_a_sentence_name_the_same_things(code: str) -> None:
    english, japanese = TEXTS[code]

    assert english
    assert japanese
    assert fields(english) == fields(japanese)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_ALL": "en_US.UTF-8", "KIRIKAE_LANG": "ja"}, "ja"),
    ],
)
def test_the_language_follows_the_environment(environment: dict[str, str], language: str) -> None:
    assert choose_language(environment) == language


def test_a_sentence_is_said_in_the_language_asked_for() -> None:
    assert say("answer.cloud", "ja") == "クラウド"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb", r"a\nb"),
        ("a\u202eb", r"a\u202eb"),
        ("a\udcffb", r"a\udcffb"),
        ("\u6848\u4ef6\u3000\u4e00", "\u6848\u4ef6\u3000\u4e00"),
    ],
)
def test_a_name_steers_no_terminal(name: str, shown: str) -> None:
    assert say("home.not_writable", "en", path=Path(name)).startswith(f"{shown} cannot")
