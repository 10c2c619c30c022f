"""What a policy's patterns make of one project: which rules hit, and which stand near."""

from ..named_tuple import NamedTuple
from .rule_matching import Places, RuleMatching
from .signals import Signals


class Met(NamedTuple):
    """What a project's effect follows from: rules and exceptions by their places, in ascending order.

    It names no project, and many meet the same.
    """

    is_identified: bool
    is_in_doubt: bool
    restricting: Places
    # For each remote of the project the opening rules that it meets.
    opened: tuple[Places, ...]
    # Exceptions that every remote of an identified project meets.
    excepted: Places
    # The policy is too old to open what no rule names.
    is_expired: bool = False


class Hits(NamedTuple):
    """It holds at any time and for any machine."""

    signals: Signals
    met: Met
    # Restricting rules that do not hit, with a pattern of the same host and first path segment as a remote.
    near: Places


def find_hits(matching: RuleMatching, signals: Signals) -> Hits:
    remotes = [remote.segments for remote in signals.exact]
    restricting = matching.restricting(signals)
    near = matching.near([remote[:2] for remote in signals.remotes])
    if near and restricting:
        near = tuple([place for place in near if place not in restricting])
    opened = tuple([matching.opening(remote) for remote in remotes])
    is_identified = signals.is_identified
    excepted = matching.excepting(remotes) if is_identified else ()
    return Hits(signals, Met(is_identified, signals.is_in_doubt, restricting, opened, excepted), near)
