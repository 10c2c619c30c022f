"""The sentences of the agent in both languages."""

import string

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
