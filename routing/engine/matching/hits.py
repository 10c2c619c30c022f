"""What a policy's patterns make of one project: which rules hit, and which stand near."""

from collections.abc import Sequence

from ..named_tuple import NamedTuple
from ..request import Project
from .rule_matching import RuleMatching
from .signals import Signals, read_signals

# For each remote of a project the places of the opening rules that it meets.
type Opened = Sequence[Sequence[int]]


class Hits(NamedTuple):
    """Rules and exceptions by their places, in ascending order. It holds at any time and for any machine."""

    signals: Signals
    restricting: Sequence[int]
    opened: Opened
    # Exceptions that every remote of an identified project meets.
    excepted: Sequence[int]
    # Restricting rules that do not hit, with a pattern of the same host and first path segment as a remote.
    near: Sequence[int]

    @property
    def are_near(self) -> bool:
        """Whether there is anything that could be a near miss."""
        return bool(self.near) or any(self.opened)


def find_hits(matching: RuleMatching, signals: Signals) -> Hits:
    remotes = [remote.segments for remote in signals.exact]
    restricting = matching.restricting(signals)
    near = matching.near([remote[:2] for remote in signals.remotes])
    excepted = [set(matching.excepting(remote)) for remote in remotes] if signals.is_identified else []
    return Hits(
        signals=signals,
        restricting=restricting,
        opened=[matching.opening(remote) for remote in remotes],
        excepted=sorted(set.intersection(*excepted)) if excepted else (),
        near=[place for place in near if place not in restricting],
    )


def find_hits_of(matching: RuleMatching, project: Project) -> Hits:
    return find_hits(matching, read_signals(project))
