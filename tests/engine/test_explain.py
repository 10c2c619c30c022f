"""The table of sentences: complete, documented, and never silent."""

import re
from pathlib import Path

import pytest

from routing.engine.explain import TEXTS, text_of

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "routing" / "engine"


def test_documentation_lists_exactly_the_codes_of_the_table() -> None:
    documented = re.findall(
        r"^\| `([a-z_]+)` \| (.+) \| (.+) \|$", (ROOT / "docs" / "reasons.md").read_text(), re.MULTILINE
    )

    assert {code: (en, ja) for code, en, ja in documented} == TEXTS


def test_every_code_that_the_engine_writes_is_in_the_table() -> None:
    source = "\n".join(file.read_text() for file in sorted(ENGINE.rglob("*.py")))
    written = set(
        re.findall(r'(?:Limit|Remedy|Finding|Obligation|Note|warn|reason)\(\s*(?:Stage\.\w+, )?"([a-z_]+)"', source)
    )

    assert len(written) > 40
    assert written - set(TEXTS) == set()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_missing_value_reads_as_a_dash_and_unknown_code_as_itself(language: str) -> None:
    assert "–" in text_of("model_remote", {}, language)
    assert text_of("from_a_later_version", {}, language) == "from_a_later_version"


def test_sentence_of_the_rules_author_comes_in_the_readers_language() -> None:
    data = {"rule": "nda-acme", "effect": "local_only", "why": {"en": "NDA with Acme", "ja": "Acme社とのNDA"}}

    assert text_of("rule_matched", data, "en") == "The rule nda-acme applies: only this Mac. (NDA with Acme)"
    assert text_of("rule_matched", data, "ja").endswith("（Acme社とのNDA）")


def test_sizes_come_as_gigabytes_and_counts_with_separators() -> None:
    data = {"model": "m", "needed_bytes": 48_490_000_000, "limit_bytes": 17_000_000_000}

    assert text_of("memory_too_small", data, "en") == "m needs 48.5 GB, and 17.0 GB can be used for models."
    assert "32,768" in text_of("context_cap", {"value": 32768}, "en")
