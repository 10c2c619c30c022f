"""The index of patterns answers as comparing each pattern does."""

from hypothesis import given
from hypothesis import strategies as st

from routing.engine.matching import globs
from routing.engine.matching.pattern_index import FolderIndex, PatternIndex
from routing.engine.matching.pattern_tree import PatternTree

SEGMENT = st.text(alphabet="ab*", min_size=1, max_size=4).filter(lambda text: "**" not in text)
PATTERNS = st.lists(st.lists(SEGMENT | st.just("**"), max_size=4).map(tuple), max_size=12)
SEGMENTS = st.lists(st.text(alphabet="ab", min_size=1, max_size=3), max_size=4).map(tuple)


def filled[Index: (PatternIndex, FolderIndex, PatternTree)](index: Index, patterns: list[tuple[str, ...]]) -> Index:
    for number, pattern in enumerate(patterns):
        index.add(pattern, number)
    return index


@given(PATTERNS, SEGMENTS)
def test_index_finds_exactly_the_patterns_that_match(
    patterns: list[tuple[str, ...]], segments: tuple[str, ...]
) -> None:
    expected = {number for number, pattern in enumerate(patterns) if globs.matches(pattern, segments)}

    assert filled(PatternIndex(), patterns).matching(segments) == expected
    assert filled(PatternTree(), patterns).matching(segments) == expected


@given(PATTERNS, SEGMENTS)
def test_index_finds_exactly_the_patterns_that_a_folder_may_contain(
    patterns: list[tuple[str, ...]], folder: tuple[str, ...]
) -> None:
    expected = {number for number, pattern in enumerate(patterns) if globs.may_contain(pattern, folder)}

    assert filled(FolderIndex(), patterns).within(folder) == expected
    assert filled(PatternTree(), patterns).within(folder) == expected


def test_one_number_may_have_several_patterns() -> None:
    index = PatternIndex()
    index.add(("github.com", "acme", "**"), 7)
    index.add(("gitlab.com", "acme"), 7)

    assert index.matching(("gitlab.com", "acme")) == {7}
    assert index.matching(("github.com", "acme", "a", "b")) == {7}
    assert index.matching(("github.com", "other")) == set()
