"""The projects that people work on, as the log knows them: by their remotes, classified by the policy in force."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.accounts.models import User
from routing.engine.effects import Classification, Effect
from routing.engine.matching.signals import read_signals
from routing.engine.request import ANONYMOUS_PROJECT, Project, Remote
from routing.engine.rules import PrivacyRules, Ruling
from routing.publishing import load_bundle
from routing.queries import SeenRemote, list_seen_remotes
from routing.wording import CLASSIFICATIONS, EFFECTS


@dataclass(frozen=True)
class SeenProject:
    """One remote with what the policy says of a project that has it alone."""

    seen: SeenRemote
    effect: Effect
    classification: Classification
    rules: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call it: the last part of its remote."""
        return self.seen.remote.rpartition("/")[2]

    @property
    def is_classified(self) -> bool:
        return self.classification is not Classification.UNCLASSIFIED

    @property
    def class_words(self) -> Any:
        return CLASSIFICATIONS[self.classification]

    @property
    def effect_words(self) -> Any:
        return EFFECTS[self.effect]

    @property
    def shares(self) -> dict[str, float]:
        """Per cent of the decisions by answer, and where each part of the bar begins."""
        local, cloud = (100 * self.seen.counts[backend] / self.seen.decisions for backend in ("local", "cloud"))
        return {"local": local, "cloud": cloud, "refused": 100 - local - cloud, "after_cloud": local + cloud}


@dataclass(frozen=True)
class SeenProjects:
    unclassified: list[SeenProject]
    classified: list[SeenProject]

    @property
    def waiting_decisions(self) -> int:
        return sum(project.seen.decisions for project in self.unclassified)

    def matching(self, text: str) -> "SeenProjects":
        """Those whose remote has the text; all for an empty one."""
        return SeenProjects(
            unclassified=[one for one in self.unclassified if text.casefold() in one.seen.remote.casefold()],
            classified=[one for one in self.classified if text.casefold() in one.seen.remote.casefold()],
        )


def list_seen_projects(user: User, *, now: datetime, since: datetime | None = None) -> SeenProjects:
    """Busiest first. Developers see what their own decisions named, the others all of the team's. Three queries."""
    projects = _classify_all(list_seen_remotes(user, since=since), now=now)
    return SeenProjects(
        unclassified=[project for project in projects if not project.is_classified],
        classified=[project for project in projects if project.is_classified],
    )


def list_all_projects(*, now: datetime, classification: str | None = None) -> list[SeenProject]:
    """Of the whole team, for those who write its rules and for tokens that may read. Three queries."""
    found = _classify_all(list_seen_remotes(), now=now)
    return [one for one in found if classification in (None, one.classification)]


def project_of(remote: str) -> Project:
    """The log keeps a remote as host and path; without a scheme it would be read as a folder."""
    if not remote:
        return ANONYMOUS_PROJECT
    url = f"https://{remote}"
    return Project(remotes=(Remote(raw=url, url=url),))


def _classify_all(seen: Iterable[SeenRemote], *, now: datetime) -> list[SeenProject]:
    rules = load_bundle().bundle.rules
    return [_classify(one, rules, now=now) for one in seen]


def _classify(seen: SeenRemote, rules: PrivacyRules, *, now: datetime) -> SeenProject:
    ruling = rules.judge(read_signals(project_of(seen.remote)), now=now, machine=None, is_expired=False)
    return SeenProject(seen, ruling.effect, ruling.classification, tuple(_rule_codes(ruling)))


def _rule_codes(ruling: Ruling) -> Iterable[str]:
    rules = [finding.exception or finding.rule for finding in ruling.findings]
    return dict.fromkeys(rule.id for rule in rules if rule is not None)
