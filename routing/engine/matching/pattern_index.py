"""Many patterns at once. What a look-up costs depends on what it asks for, not on how many patterns there are.

Results are the numbers that the patterns were added under, the same as comparing each with `globs.matches` (tests hold
both against each other). Exact patterns and prefixes (`github.com/acme/**`) are found in dictionaries, the rest in a
tree. All but the tree is made of plain values, so that an index can be written to disk and loaded as it is.
"""

from .pattern_tree import PatternTree

type Segments = tuple[str, ...]
type Places = dict[Segments, list[int]]
type IndexState = tuple[Places, Places, list[int], list[tuple[Segments, int]], Places]


class PatternIndex:
    """Add all patterns, then ask. Numbers may be added several times, one for each pattern of a rule."""

    __slots__ = ("_above", "_below", "_depths", "_exact", "_others", "_tree")

    def __init__(self, state: IndexState | None = None) -> None:
        self._exact: Places
        self._below: Places
        # How many segments the prefixes in `_below` have.
        self._depths: list[int]
        self._others: list[tuple[Segments, int]]
        # Folders that contain a prefix or exact pattern; filled by `FolderIndex` alone.
        self._above: Places
        self._exact, self._below, self._depths, self._others, self._above = state or ({}, {}, [], [], {})
        self._tree: PatternTree | None = None

    @property
    def state(self) -> IndexState:
        return self._exact, self._below, self._depths, self._others, self._above

    @property
    def is_empty(self) -> bool:
        return not (self._exact or self._below or self._others)

    def add(self, pattern: Segments, number: int) -> None:
        head = pattern[:-1] if pattern[-1:] == ("**",) else pattern
        if any("*" in segment for segment in head):
            self._others.append((pattern, number))
            self._tree = None
        elif head is pattern:
            self._exact.setdefault(pattern, []).append(number)
        else:
            self._below.setdefault(head, []).append(number)
            if len(head) not in self._depths:
                self._depths.append(len(head))

    def matching(self, segments: Segments) -> set[int]:
        """The numbers whose pattern matches the whole of `segments`."""
        exact = self._exact.get(segments)
        found = set(exact) if exact else set()
        for depth in self._depths:
            if numbers := self._below.get(segments[:depth]):
                found.update(numbers)
        if self._others:
            found |= (self._tree or self._make_tree()).matching(segments)
        return found

    def _make_tree(self) -> PatternTree:
        self._tree = tree = PatternTree()
        for pattern, number in self._others:
            tree.add(pattern, number)
        return tree


class FolderIndex(PatternIndex):
    """Finds also the patterns of what lies in a folder."""

    __slots__ = ()

    def add(self, pattern: Segments, number: int) -> None:
        super().add(pattern, number)
        head = pattern[:-1] if pattern[-1:] == ("**",) else pattern
        if not any("*" in segment for segment in head):
            for depth in range(len(head) + 1):
                self._above.setdefault(head[:depth], []).append(number)

    def within(self, folder: Segments) -> set[int]:
        """The numbers whose pattern may match something below `folder`, judged up to the first `**`."""
        found = set(self._above.get(folder, ()))
        if self._others:
            found |= (self._tree or self._make_tree()).within(folder)
        return found
