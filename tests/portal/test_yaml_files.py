"""YAML that people hand in: what is refused, how little is read until then, and that what is written comes back."""

from pathlib import Path

import pytest

from portal.common import yaml_files
from portal.common.yaml_files import MAX_BYTES, MAX_DEPTH, content_of, read_yaml, write_yaml


def problems_of(text: str) -> list[tuple[str, str]]:
    document, problems = read_yaml(text.encode())
    assert document is None
    return [(problem.path, problem.code) for problem in problems]


def test_reading_ends_at_the_first_value_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_files, "MAX_VALUES", 100)

    assert problems_of("- a\n" * 500_000) == [("line 100", "file.too_large")]
    assert read_yaml(b"- a\n" * 99) == (["a"] * 99, [])


@pytest.mark.parametrize("opening", ["[\n", "-\n ", "{a:\n"], ids=["brackets", "dashes", "braces"])
def test_reading_ends_at_the_first_level_too_many(opening: str) -> None:
    lines = "".join(opening.replace(" ", " " * level) for level in range(1, 300))

    ((path, code),) = problems_of(lines)

    assert code == "file.too_deep"
    assert int(path.removeprefix("line ")) <= MAX_DEPTH + 1


def test_reading_ends_at_the_first_alias() -> None:
    assert problems_of("a: &a [x]\nb: [*a, *a]\nc: [*a]") == [("line 2", "file.bad_syntax")]


@pytest.mark.parametrize("value", ["!!map [1]", "!!int [1]", "!!float nan", "!!binary AAAA", "!own x", "!!set {a}"])
def test_tags_are_refused_whatever_they_stand_before(value: str) -> None:
    assert problems_of(f"x: 1\na: {value}") == [("line 2", "file.bad_syntax")]


def test_no_more_than_a_byte_too_many_is_read_of_an_endless_file(tmp_path: Path) -> None:
    file = tmp_path / "endless.yaml"
    with file.open("wb") as opened:
        opened.truncate(2**40)

    content = content_of(str(file))

    assert len(content) == MAX_BYTES + 1
    assert [problem.code for problem in read_yaml(content)[1]] == ["file.too_large"]


def test_texts_that_look_like_something_else_come_back_as_texts() -> None:
    document = {"texts": ["1e3", "09", "010", "18:00", "off", "yes", "null", "~", "2027-03-31", "", "0x1F", "1_000"]}

    assert read_yaml(write_yaml(document).encode()) == (document, [])
