"""What a rule that is being written would hit among the repositories that were seen, by the engine's own matching."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.engine.effects import Effect
from routing.engine.errors import PolicyErrors
from routing.engine.matching.signals import read_signals
from routing.engine.policy.values import Policy
from routing.engine.rules import PrivacyRules
from routing.near_names import find_near
from routing.projects import SeenProject, list_all_projects, project_of
from routing.publishing import read_policy

NEAR_SHOWN = 5
MATCHING_SHOWN = 50


@dataclass(frozen=True)
class RulePreview:
    """`near`: seen repositories that the rule does not hit, though their names look alike.

    `is_readable`: the patterns are ones that a rule may have. `has_unseen`: some are of a kind that no log holds.
    """

    matching: Sequence[SeenProject] = ()
    near: Sequence[SeenProject] = ()
    seen: int = 0
    is_readable: bool = True
    is_empty: bool = True
    has_unseen: bool = False

    @property
    def shown(self) -> Sequence[SeenProject]:
        """The busiest of them."""
        return self.matching[:MATCHING_SHOWN]

    @property
    def more(self) -> int:
        return len(self.matching) - len(self.shown)

    @property
    def to_cloud(self) -> int:
        return sum(project.seen.to_cloud for project in self.matching)


def preview_rule(*, effect: str, match: Mapping[str, Sequence[str]], now: datetime) -> RulePreview:
    """Two queries, and none before a pattern is given."""
    if not any(match.values()):
        return RulePreview()
    has_unseen = any(patterns for key, patterns in match.items() if key != "remotes")
    try:
        rules = PrivacyRules.of(_policy_of(effect, match))
    except PolicyErrors:
        return RulePreview(is_readable=False, is_empty=False, has_unseen=has_unseen)
    projects = [project for project in list_all_projects(now=now) if project.seen.remote]
    matching = [project for project in projects if _hits(rules, effect, project)]
    hit = {project.seen.remote for project in matching}
    others = {project.seen.remote: project for project in projects if project.seen.remote not in hit}
    near = find_near(others, like=match["remotes"], limit=NEAR_SHOWN)
    return RulePreview(
        matching=matching,
        near=[others[remote] for remote in near],
        seen=len(projects),
        is_empty=False,
        has_unseen=has_unseen,
    )


def _policy_of(effect: str, match: Mapping[str, Sequence[str]]) -> Policy:
    """A policy of this one rule. A rule that opens knows remotes alone; the form tells so when it is sent."""
    kept = match if Effect(effect).is_restricting else {"remotes": match["remotes"]}
    rule: dict[str, Any] = {"id": "preview", "effect": effect, "match": {key: list(kept[key]) for key in kept}}
    return read_policy({"version": 1, "privacy_rules": [rule]})


def _hits(rules: PrivacyRules, effect: str, project: SeenProject) -> bool:
    signals = read_signals(project_of(project.seen.remote))
    if Effect(effect).is_restricting:
        return bool(rules.matching.restricting(signals))
    return any(rules.matching.opening(remote.segments) for remote in signals.exact)
