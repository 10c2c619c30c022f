"""The privacy stage: which rules match which projects, and the strictest effect that follows.

What restricts matches when any signal hits; what loosens needs an identified project whose every remote hits.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from itertools import islice

from .effects import CLASSIFICATION_OF, Classification, Effect, is_stricter, strictest
from .identity import NormalRemote, fold_segments, normalise_pattern
from .matching.hits import Hits, Met, find_hits
from .matching.rule_index import IndexedRules
from .matching.rule_matching import RestrictingMatch, RuleMatching, ScannedRules, matches_any, restricting_remote
from .matching.signals import Signals, read_signals
from .named_tuple import NamedTuple
from .policy.protected_folders import ProtectedFolders
from .policy.values import Moment, Policy, PrivacyException, PrivacyRule
from .request import Project

# More than this many near misses would bury the one that helps.
MAX_NEAR_MISSES = 8
# Where the organisation's zone is not known to this machine: the day ends where it ends first.
_EARLIEST_ZONE_HOURS = 14
# A team works in some hundreds of repositories; what the patterns make of one is kept beside them.
_KEPT_PROJECTS = 1024
# For verdicts in which no date has a say.
_AT_ANY_TIME = datetime.min.replace(tzinfo=UTC)


class Finding(NamedTuple):
    """One thing that decided the effect of a project. `code` is a reason's code."""

    code: str
    effect: Effect
    rule: PrivacyRule | None = None
    exception: PrivacyException | None = None


class Miss(NamedTuple):
    """A rule that almost matched: the failed condition, what it wanted and what was there."""

    rule: PrivacyRule
    key: str
    wanted: str
    got: str


class RuleParts(NamedTuple):
    """`opening`: what may give an identified project its base, `org_only` and `cloud_ok` rules."""

    restricting: Sequence[PrivacyRule]
    opening: Sequence[PrivacyRule]
    exceptions: Sequence[PrivacyException]
    protected_folders: ProtectedFolders


class Ruling:
    """What the rules in force come to for a project that meets them: one object for all such projects of a policy.

    Compared as such, so that what follows from it can be kept under it.
    """

    __slots__ = ("classification", "effect", "findings")

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        self.effect = strictest([finding.effect for finding in findings])
        self.classification = _classify(findings)


class ProjectVerdict(NamedTuple):
    ruling: Ruling
    misses: tuple[Miss, ...]


class PrivacyRules:
    """The rules and exceptions of one policy, prepared for matching."""

    def __init__(self, policy: Policy, parts: RuleParts, matching: RuleMatching) -> None:
        self.policy = policy
        self.restricting, self.opening, self.exceptions, self.protected_folders = parts
        self.matching = matching
        self._know_once = lru_cache(maxsize=_KEPT_PROJECTS)(self._know)
        self._rule_once = lru_cache(maxsize=_KEPT_PROJECTS)(self._rule)

    @classmethod
    def of(cls, policy: Policy, *, is_indexed: bool = False) -> "PrivacyRules":
        """`is_indexed` pays some milliseconds now, so that no decision looks at every rule."""
        restricting = tuple(rule for rule in policy.privacy_rules if rule.effect.is_restricting)
        opening = tuple(
            rule
            for rule in policy.privacy_rules
            if rule.effect in (Effect.ORG_ONLY, Effect.CLOUD_OK) and rule.match.remotes
        )
        forbidden = {rule.id for rule in policy.privacy_rules if not rule.may_have_exceptions}
        exceptions = tuple(one for one in policy.exceptions if one.rule not in forbidden)
        way = IndexedRules.of if is_indexed else ScannedRules
        matching = way(
            tuple(RestrictingMatch(rule.match) if rule.can_be_evaluated else None for rule in restricting),
            tuple(tuple(map(normalise_pattern, rule.match.remotes)) for rule in opening),
            tuple(tuple(map(normalise_pattern, one.remotes)) for one in exceptions),
        )
        protected = ProtectedFolders([path for rule in restricting for path in rule.match.paths])
        return cls(policy, RuleParts(restricting, opening, exceptions, protected), matching)

    @cached_property
    def zone(self) -> tzinfo | None:
        """None where this machine has no data on the organisation's zone."""
        if self.policy.time_zone == "UTC":
            return UTC
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - 4 ms that only policies with days to compare pay

        try:
            return ZoneInfo(self.policy.time_zone)
        except (KeyError, ValueError, OSError):
            return None

    @cached_property
    def asks_for_quota(self) -> bool:
        """Whether an override asks for what is left of the cloud's allowance, which it then tells."""
        return any(override.when.cloud_quota_below is not None for override in self.policy.overrides)

    @cached_property
    def _has_hours(self) -> bool:
        return any(override.when.time is not None for override in self.policy.overrides)

    def judge_project(
        self, project: Project, *, now: datetime, machine: str | None, is_expired: bool
    ) -> ProjectVerdict:
        """The effect of one project. `is_expired`: the policy is too old to open what no rule names."""
        known = self._know_once(project)
        if isinstance(known, ProjectVerdict):
            if not is_expired:
                return known
            known = find_hits(self.matching, read_signals(project))
        return self._judge(known, now=now, machine=machine, is_expired=is_expired)

    def judge(self, signals: Signals, *, now: datetime, machine: str | None, is_expired: bool) -> Ruling:
        """The same for signals that were read before, without near misses; nothing is kept of the project."""
        return self._judge(find_hits(self.matching, signals), now=now, machine=machine, is_expired=is_expired).ruling

    def _know(self, project: Project) -> ProjectVerdict | Hits:
        """What is kept of a project: its verdict, or what it meets where a date or the asking machine has a say."""
        hits = find_hits(self.matching, read_signals(project))
        ends = [self.opening[place].expires for places in hits.met.opened for place in places]
        if hits.met.excepted or any(ends):
            return hits
        return self._judge(hits, now=_AT_ANY_TIME, machine=None, is_expired=False)

    def _judge(self, hits: Hits, *, now: datetime, machine: str | None, is_expired: bool) -> ProjectVerdict:
        signals, met, near = hits
        is_opened = any(met.opened)
        if is_expired or is_opened or met.excepted:
            met = self._in_force(met, now=now, machine=machine)._replace(is_expired=is_expired)
        # Which remotes a project has matters beside the rules that it meets only to exceptions.
        ruling = self._rule_once(met, signals.exact if met.excepted else ())
        if not near and not is_opened:
            return ProjectVerdict(ruling, ())
        return ProjectVerdict(ruling, tuple(islice(self._misses(hits, ruling.findings, now=now), MAX_NEAR_MISSES)))

    def _in_force(self, met: Met, *, now: datetime, machine: str | None) -> Met:
        """Without what has ended or is for other machines: what is ruled by it asks for neither."""
        excepted = [place for place in met.excepted if self._is_excepting(place, now=now, machine=machine)]
        opened = [tuple([place for place in places if self._is_open(place, now=now)]) for places in met.opened]
        return met._replace(opened=tuple(opened), excepted=tuple(excepted))

    def _rule(self, met: Met, remotes: Sequence[NormalRemote]) -> Ruling:
        """`met`: only what is in force. `remotes`: of the project, where it meets exceptions."""
        exceptions = [self.exceptions[place] for place in met.excepted]
        named = [self._finding(self.restricting[place], exceptions) for place in met.restricting]
        base = self._base(met, remotes, named)
        return Ruling([*named, *[finding for finding in base if _adds_to(named, finding)]])

    def overdue(self, rules: Iterable[PrivacyRule], *, now: datetime) -> list[PrivacyRule]:
        return [rule for rule in rules if rule.review_by and self.has_ended(rule.review_by, now=now)]

    def has_ended(self, day: date | None, *, now: datetime) -> bool:
        """Whether the day is over in the organisation's time zone."""
        if day is None:
            return False
        try:
            if self.zone is not None:
                return now.astimezone(self.zone).date() > day
            return (now.astimezone(UTC) + timedelta(hours=_EARLIEST_ZONE_HOURS)).date() > day
        except OverflowError:  # a clock at the end of time: nothing is permitted any longer
            return True

    def moment(self, now: datetime) -> Moment | None:
        """The time in the organisation's zone; None where no override asks for it or this machine has no data on it."""
        if not self._has_hours:
            return None
        try:
            here = now.astimezone(self.zone) if self.zone is not None else None
        except OverflowError:  # a clock at the end of time
            return None
        return None if here is None else Moment(here.weekday(), here.hour * 60 + here.minute)

    def _is_excepting(self, place: int, *, now: datetime, machine: str | None) -> bool:
        exception = self.exceptions[place]
        is_for_machine = not exception.machines or machine in exception.machines
        return is_for_machine and not self.has_ended(exception.expires, now=now)

    def _finding(self, rule: PrivacyRule, exceptions: Sequence[PrivacyException]) -> Finding:
        if not rule.can_be_evaluated:
            return Finding("rule_not_understood", Effect.LOCAL_ONLY, rule=rule)
        own = [one for one in exceptions if one.rule == rule.id and is_stricter(rule.effect, one.effect)]
        if not own:
            return Finding("rule_matched", rule.effect, rule=rule)
        strictest_effect = strictest(exception.effect for exception in own)
        chosen = next(exception for exception in own if exception.effect is strictest_effect)
        return Finding("exception_applied", strictest_effect, rule=rule, exception=chosen)

    def _base(self, met: Met, remotes: Sequence[NormalRemote], named: Sequence[Finding]) -> list[Finding]:
        openings = self._openings(met, remotes, [finding for finding in named if finding.exception])
        if openings:
            return openings
        unclassified = self._unclassified(met)
        if met.is_expired:
            return [Finding("policy_expired", strictest((Effect.LOCAL_ONLY, unclassified)))]
        return [Finding("unclassified_identified" if met.is_identified else "unclassified_anonymous", unclassified)]

    def _unclassified(self, met: Met) -> Effect:
        if met.is_identified:
            return self.policy.identified
        # A broken or missing remote must not turn a repository into something looser than it was.
        if met.is_in_doubt:
            return strictest((self.policy.identified, self.policy.anonymous))
        return self.policy.anonymous

    def _openings(self, met: Met, remotes: Sequence[NormalRemote], applied: Sequence[Finding]) -> list[Finding]:
        """What gives the project its base; empty unless every remote of an identified project is covered."""
        if not met.is_identified:
            return []
        findings = [Finding("exception_applied", one.effect, exception=one.exception) for one in applied]
        for at, places in enumerate(met.opened):
            if not places and not (applied and _is_excepted(remotes[at], applied)):
                return []
        opening = [self.opening[place] for place in sorted({place for places in met.opened for place in places})]
        return findings + [Finding("opened_by_rule", rule.effect, rule=rule) for rule in opening]

    def _is_open(self, place: int, *, now: datetime) -> bool:
        rule = self.opening[place]
        return rule.effect is not Effect.CLOUD_OK or not self.has_ended(rule.expires, now=now)

    def _misses(self, hits: Hits, findings: Sequence[Finding], *, now: datetime) -> Iterable[Miss]:
        heads = {remote[:2]: remote for remote in hits.signals.remotes}
        for place in hits.near:
            rule = self.restricting[place]
            pairs = zip(_heads_of(rule.match.remotes), rule.match.remotes, strict=True)
            head, written = next((head, written) for head, written in pairs if head in heads)
            yield Miss(rule, "remotes", written, "/".join(heads[head]))
        matched = [finding.rule.id for finding in findings if finding.rule]
        for place in sorted({place for places in hits.met.opened for place in places}):
            rule = self.opening[place]
            if rule.effect is Effect.CLOUD_OK and rule.id not in matched:
                covered = [place in places for places in hits.met.opened]
                yield from self._opening_miss(rule, covered, hits.signals, now=now)

    def _opening_miss(
        self, rule: PrivacyRule, covered: Sequence[bool], signals: Signals, *, now: datetime
    ) -> Iterable[Miss]:
        wanted = ", ".join(rule.match.remotes)
        if not signals.is_identified:
            yield Miss(rule, "identified", "true", "false")
        elif self.has_ended(rule.expires, now=now):
            yield Miss(rule, "expires", str(rule.expires), str(now.date()))
        elif not all(covered):
            yield Miss(rule, "remotes", wanted, str(signals.exact[covered.index(False)]))


@lru_cache(maxsize=1024)
def _heads_of(remotes: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Host and first path segment of each pattern of a restricting rule."""
    return [restricting_remote(pattern)[:2] for pattern in remotes]


def _is_excepted(remote: NormalRemote, applied: Sequence[Finding]) -> bool:
    """Only for remotes that the excepted rule itself names: else a marker that it names would open its project."""
    rules = [finding.rule for finding in applied if finding.rule]
    folded = fold_segments(remote.segments)
    return any(matches_any(map(restricting_remote, rule.match.remotes), folded) for rule in rules)


def _adds_to(named: Sequence[Finding], base: Finding) -> bool:
    """Whether the base is worth telling beside rules that matched: one without a rule of its own only if stricter."""
    if not named or base.rule is not None or base.exception is not None:
        return True
    return is_stricter(base.effect, strictest([finding.effect for finding in named]))


def _classify(findings: Sequence[Finding]) -> Classification:
    """What the rules say of the project; unclassified when none names it."""
    effects = [finding.effect for finding in findings if finding.rule or finding.exception]
    if not effects:
        return Classification.UNCLASSIFIED
    by_rules = strictest(effects)
    # A rule may open one remote while the base keeps the project closed.
    is_closed_by_base = any(finding.rule is None and is_stricter(finding.effect, by_rules) for finding in findings)
    if by_rules is Effect.CLOUD_OK and is_closed_by_base:
        return Classification.UNCLASSIFIED
    return CLASSIFICATION_OF[by_rules]
