"""Many patterns at once: a tree of their segments, walked by the segments of one address or folder.

The walk costs what the address offers to compare, not how many patterns there are. Results are the numbers that the
patterns were added under, the same as comparing each with `globs.matches` (tests hold both against each other).
"""

from collections.abc import Iterator

from . import globs


class PatternIndex:
    """Add all patterns, then ask. Numbers may be added several times, one for each pattern of a rule."""

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, pattern: tuple[str, ...], number: int) -> None:
        node = self._root
        for segment in pattern:
            node = node.child(segment)
        node.numbers.append(number)

    def matching(self, segments: tuple[str, ...]) -> set[int]:
        """The numbers whose pattern matches the whole of `segments`."""
        found: set[int] = set()
        for node in self._reached(segments):
            found.update(node.numbers)
        return found

    def within(self, folder: tuple[str, ...]) -> set[int]:
        """The numbers whose pattern may match something below `folder`, judged up to the first `**`."""
        nodes = [self._root]
        for segment in folder:
            nodes = [after for node in nodes for after in node.after(segment)]
        found: set[int] = set()
        pending = nodes
        while pending:
            node = pending.pop()
            found.update(node.numbers)
            pending += node.children()
        return found

    def _reached(self, segments: tuple[str, ...]) -> list["_Node"]:
        """The nodes at which patterns end that match. `**` stays where it is for any number of segments."""
        nodes = _with_deep([self._root])
        for segment in segments:
            after = [node for node in nodes if node.is_deep]
            for node in nodes:
                after += node.after(segment)
            nodes = _with_deep(after)
            if not nodes:
                return nodes
        return nodes


class _Node:
    """One place in the tree. Globs are kept by the literal text in front of their first star."""

    __slots__ = ("deep", "globs_by_prefix", "is_deep", "literals", "numbers")

    def __init__(self, *, is_deep: bool = False) -> None:
        self.literals: dict[str, _Node] = {}
        self.globs_by_prefix: dict[str, dict[str, _Node]] = {}
        self.deep: _Node | None = None
        self.is_deep = is_deep
        self.numbers: list[int] = []

    def child(self, segment: str) -> "_Node":
        """The node below for that segment of a pattern, made when it is not there."""
        if segment == "**":
            self.deep = self.deep or _Node(is_deep=True)
            return self.deep
        if "*" not in segment:
            return self.literals.setdefault(segment, _Node())
        return self.globs_by_prefix.setdefault(segment.partition("*")[0], {}).setdefault(segment, _Node())

    def after(self, segment: str) -> Iterator["_Node"]:
        """The nodes below that one segment of an address leads to, `**` apart."""
        literal = self.literals.get(segment)
        if literal is not None:
            yield literal
        if self.globs_by_prefix:
            for end in range(len(segment) + 1):
                for glob, node in self.globs_by_prefix.get(segment[:end], {}).items():
                    if globs.matches_segment(glob, segment):
                        yield node

    def children(self) -> Iterator["_Node"]:
        yield from self.literals.values()
        for nodes in self.globs_by_prefix.values():
            yield from nodes.values()
        if self.deep is not None:
            yield self.deep


def _with_deep(nodes: list[_Node]) -> list[_Node]:
    """The nodes, and those below them for a `**` that takes no segment; each once."""
    reached = dict.fromkeys(nodes)
    pending = nodes
    while pending:
        pending = [node.deep for node in pending if node.deep is not None and node.deep not in reached]
        reached |= dict.fromkeys(pending)
    return list(reached)
