"""The rules of a policy as an index: what a decision costs does not grow with their number.

Made of plain values, so that a process that decides once loads it instead of making it (`compiled`).
"""

from collections.abc import Iterable, Sequence

from .pattern_index import FolderIndex, IndexState, PatternIndex
from .rule_matching import (
    Matches,
    PatternLists,
    Places,
    RestrictingMatch,
    RuleMatching,
    is_telling,
    met_by_all,
)
from .signals import Segments, Signals

type RulesState = tuple[list[int], dict[str, list[int]], dict[Segments, list[int]], dict[str, IndexState]]

_NAMES = ("remotes", "hostless", "markers", "labels", "opening", "exceptions")


class IndexedRules(RuleMatching):
    def __init__(self, state: RulesState | None = None) -> None:
        # Rules that hit everything, root commits, and the hosts with their first path segments.
        self._always: list[int]
        self._commits: dict[str, list[int]]
        self._heads: dict[Segments, list[int]]
        self._always, self._commits, self._heads, indexes = state or ([], {}, {}, {})
        self._indexes = {name: PatternIndex(indexes.get(name)) for name in _NAMES}
        self._folders = FolderIndex(indexes.get("paths"))

    @classmethod
    def of(cls, matches: Matches, opening: PatternLists, exceptions: PatternLists) -> "IndexedRules":
        rules = cls()
        for place, match in enumerate(matches):
            if match is None:
                rules._always.append(place)
            else:
                rules._add(place, match)
        for name, lists in (("opening", opening), ("exceptions", exceptions)):
            for place, patterns in enumerate(lists):
                for pattern in patterns:
                    rules._indexes[name].add(pattern, place)
        return rules

    @property
    def state(self) -> RulesState:
        indexes = {name: index.state for name, index in self._indexes.items()}
        return self._always, self._commits, self._heads, indexes | {"paths": self._folders.state}

    def restricting(self, signals: Signals) -> Places:
        _, _, _, remotes, hostless, root_commits, markers, paths, labels = signals
        found = set(self._always)
        indexes = self._indexes
        for remote in remotes:
            found |= indexes["remotes"].matching(remote)
        for path in hostless:
            found |= indexes["hostless"].matching(path)
        for commit in root_commits:
            if commit in self._commits:
                found.update(self._commits[commit])
        for folder in () if self._folders.is_empty else paths:
            found |= self._folders.matching(folder)
            found |= self._folders.within(folder)
        for marker in markers:
            found |= indexes["markers"].matching((marker,))
        for label in labels:
            found |= indexes["labels"].matching((label,))
        return _in_order(found)

    def opening(self, remote: Segments) -> Places:
        return _in_order(self._indexes["opening"].matching(remote))

    def excepting(self, remotes: Sequence[Segments]) -> Places:
        index = self._indexes["exceptions"]
        return () if index.is_empty else met_by_all([index.matching(remote) for remote in remotes])

    def near(self, heads: Iterable[Segments]) -> Places:
        return _in_order({place for head in heads if head in self._heads for place in self._heads[head]})

    def _add(self, place: int, match: RestrictingMatch) -> None:
        for pattern in match.remotes:
            self._indexes["remotes"].add(pattern, place)
            self._heads.setdefault(pattern[:2], []).append(place)
            if is_telling(pattern):
                self._indexes["hostless"].add(pattern[1:], place)
        for commit in match.root_commits:
            self._commits.setdefault(commit, []).append(place)
        for pattern in match.paths:
            self._folders.add(pattern, place)
        for marker in match.markers:
            self._indexes["markers"].add((marker,), place)
        for label in match.labels:
            self._indexes["labels"].add((label,), place)


def _in_order(places: set[int]) -> Places:
    return tuple(sorted(places)) if places else ()
