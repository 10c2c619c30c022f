"""Patterns with wildcards before their end, as a tree of their segments, walked by the segments of one address."""

from collections.abc import Iterable

from . import globs

type Segments = tuple[str, ...]

# So many nodes are looked at twice sooner than the same ones are found among them.
_FEW = 4


class PatternTree:
    """Patterns by their segments, each node one place in them."""

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, pattern: Segments, number: int) -> None:
        node = self._root
        for segment in pattern:
            node = node.child(segment)
        node.numbers.append(number)

    def matching(self, segments: Segments) -> set[int]:
        """The numbers whose pattern matches the whole of `segments`."""
        nodes: Iterable[_Node] = self._root.reached
        for segment in segments:
            after: list[_Node] = []
            for node in nodes:
                if node.is_deep:  # `**` stays where it is for any number of segments
                    after.append(node)
                literal = node.literals.get(segment)
                if literal is not None:
                    after += literal.reached
                if node.globs:
                    for below in node.met_globs(segment):
                        after += below.reached
            if not after:
                return set()
            nodes = after if len(after) <= _FEW else dict.fromkeys(after)
        return {number for node in nodes for number in node.numbers}

    def within(self, folder: Segments) -> set[int]:
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


class _Node:
    """One place in the tree. Globs are kept by the literal text in front of their first star, else behind the last."""

    __slots__ = ("by_affix", "deep", "globs", "is_deep", "literals", "numbers", "reached", "star")

    def __init__(self, *, is_deep: bool = False) -> None:
        self.literals: dict[str, _Node] = {}
        self.globs: dict[str, _Node] = {}
        self.by_affix: dict[slice, dict[str, list[str]]] = {}
        self.star: _Node | None = None
        self.deep: _Node | None = None
        self.is_deep = is_deep
        self.numbers: list[int] = []
        # Where somebody is who came here: a `**` below may take no segment.
        self.reached: tuple[_Node, ...] = (self,)

    def child(self, segment: str) -> "_Node":
        """The node below for that segment of a pattern, made when it is not there."""
        if segment == "**":
            if self.is_deep:  # a second one says nothing more
                return self
            if self.deep is None:
                self.deep = _Node(is_deep=True)
                self.reached = (self, self.deep)
            return self.deep
        if "*" not in segment:
            return self.literals.setdefault(segment, _Node())
        if segment not in self.globs:
            self.globs[segment] = _Node()
            self._place(segment)
        return self.globs[segment]

    def _place(self, glob: str) -> None:
        if glob == "*":
            self.star = self.globs[glob]
            return
        prefix, suffix = glob.partition("*")[0], glob.rpartition("*")[2]
        where, key = (slice(len(prefix)), prefix) if prefix or not suffix else (slice(-len(suffix), None), suffix)
        self.by_affix.setdefault(where, {}).setdefault(key, []).append(glob)

    def after(self, segment: str) -> "list[_Node]":
        """The nodes below that one segment of an address leads to, `**` apart."""
        literal = self.literals.get(segment)
        return ([] if literal is None else [literal]) + self.met_globs(segment)

    def met_globs(self, segment: str) -> "list[_Node]":
        """Those of them that a glob leads to."""
        met = [] if self.star is None else [self.star]
        for where, by_text in self.by_affix.items():
            if globs_here := by_text.get(segment[where]):
                met += [self.globs[glob] for glob in globs_here if globs.matches_segment(glob, segment)]
        return met

    def children(self) -> list["_Node"]:
        deep = () if self.deep is None else (self.deep,)
        return [*self.literals.values(), *self.globs.values(), *deep]
