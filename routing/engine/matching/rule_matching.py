"""Which rules hit a project's signals, in two ways with the same result.

`ScannedRules` looks at every rule, with nothing prepared but the patterns. `rule_index.IndexedRules` is for a process
that goes on deciding, and for one that loads an index made before.
Rules are named by their place in the sequences that were given; places come in ascending order, each once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from ..identity import fold, fold_segments, fold_text, normalise_pattern
from ..policy.values import Match
from . import globs
from .signals import Segments, Signals, fold_folder, folder_forms

type Places = tuple[int, ...]


class RestrictingMatch:
    """The patterns of one restricting rule, folded once. `None` in place of a match hits everything."""

    __slots__ = ("labels", "markers", "paths", "remotes", "root_commits")

    def __init__(self, match: Match) -> None:
        self.remotes = tuple(map(restricting_remote, match.remotes))
        self.root_commits = frozenset(map(fold, match.root_commits))
        self.markers = tuple(map(fold_text, match.markers))
        self.paths = tuple(form for pattern in match.paths for form in _restricting_folders(pattern))
        self.labels = tuple(map(fold_text, match.labels))

    def hits(self, signals: Signals) -> bool:
        return (
            self._hits_remote(signals)
            or not self.root_commits.isdisjoint(signals.root_commits)
            or _any_text(self.markers, signals.markers)
            or self._hits_path(signals)
            or _any_text(self.labels, signals.labels)
        )

    def _hits_remote(self, signals: Signals) -> bool:
        for pattern in self.remotes:
            if any(globs.matches(pattern, remote) for remote in signals.remotes):
                return True
            if is_telling(pattern) and any(globs.matches(pattern[1:], path) for path in signals.hostless):
                return True
        return False

    def _hits_path(self, signals: Signals) -> bool:
        return any(
            globs.matches(pattern, path) or globs.may_contain(pattern, path)
            for pattern in self.paths
            for path in signals.paths
        )


class RuleMatching(ABC):
    @abstractmethod
    def restricting(self, signals: Signals) -> Places:
        """The restricting rules that any signal hits."""

    @abstractmethod
    def opening(self, remote: Segments) -> Places:
        """The opening rules with a pattern that the remote meets exactly."""

    @abstractmethod
    def excepting(self, remotes: Sequence[Segments]) -> Places:
        """The exceptions that each of these remotes, at least one, meets exactly."""

    @abstractmethod
    def near(self, heads: Iterable[Segments]) -> Places:
        """The restricting rules with a pattern of one of these hosts and first path segments."""


type Matches = tuple[RestrictingMatch | None, ...]
type PatternLists = tuple[tuple[Segments, ...], ...]


class ScannedRules(RuleMatching):
    def __init__(self, matches: Matches, opening: PatternLists, exceptions: PatternLists) -> None:
        self._matches = matches
        self._opening = opening
        self._exceptions = exceptions

    def restricting(self, signals: Signals) -> Places:
        return tuple([place for place, match in enumerate(self._matches) if match is None or match.hits(signals)])

    def opening(self, remote: Segments) -> Places:
        return _places_met(self._opening, remote)

    def excepting(self, remotes: Sequence[Segments]) -> Places:
        return met_by_all([_places_met(self._exceptions, remote) for remote in remotes])

    def near(self, heads: Iterable[Segments]) -> Places:
        wanted = set(heads)
        return tuple(
            [
                place
                for place, match in enumerate(self._matches)
                if match is not None and any(pattern[:2] in wanted for pattern in match.remotes)
            ]
        )


def met_by_all(met: Sequence[Iterable[int]]) -> Places:
    return tuple(sorted(set(met[0]).intersection(*met[1:])))


def _places_met(lists: PatternLists, remote: Segments) -> Places:
    return tuple([place for place, patterns in enumerate(lists) if matches_any(patterns, remote)])


def matches_any(patterns: Iterable[Segments], segments: Segments) -> bool:
    return any(globs.matches(pattern, segments) for pattern in patterns)


def is_telling(pattern: Segments) -> bool:
    """A host that may be an alias says nothing, so the path decides; wildcards alone say nothing either."""
    return not globs.is_all_wildcards(pattern[1:])


def restricting_remote(pattern: str) -> Segments:
    """A pattern that ends in a slash means what is below it; this reading restricts more, never less."""
    segments = fold_segments(normalise_pattern(pattern))
    return (*segments, "**") if pattern.rstrip().endswith("/") else segments


def _restricting_folders(pattern: str) -> tuple[Segments, ...]:
    """A protected folder with everything in it. A home named in full is everybody's: `~` does not say whose it is."""
    return tuple((*form, "**") for form in folder_forms(fold_folder(pattern)))


def _any_text(patterns: Sequence[str], texts: Sequence[str]) -> bool:
    return any(globs.matches_segment(pattern, text) for pattern in patterns for text in texts)
