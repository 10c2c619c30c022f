"""What a valid policy probably did not mean: rules that add nothing, open nothing, end, or reach too far.

Judged by samples of the patterns (`samples`), so a finding is a hint and never a refusal.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import product

from ..bundle_value import Bundle
from ..effects import Effect, is_stricter
from ..identity import normalise_pattern
from ..matching.globs import is_all_wildcards
from ..matching.rule_matching import restricting_remote
from ..matching.signals import read_signals
from ..named_tuple import NamedTuple
from ..policy.values import Match, Override, PrivacyException, PrivacyRule, When
from ..rules import PrivacyRules
from .crossings import meeting
from .samples import Sample, signal_hits


class Finding(NamedTuple):
    """`code` has its sentence in `explain`; `subject` is the id of the rule, exception or override."""

    code: str
    subject: str
    other: str = ""


def lint(bundle: Bundle, *, now: datetime) -> list[Finding]:
    """Every finding, in the order of the policy."""
    return [*_lint_rules(bundle.rules, now=now), *_lint_exceptions(bundle.rules, now=now), *_lint_overrides(bundle)]


def _lint_rules(rules: PrivacyRules, *, now: datetime) -> Iterator[Finding]:
    for rule in rules.policy.privacy_rules:
        if rules.has_ended(rule.expires, now=now):
            yield Finding("lint_expired", rule.id)
        if rules.has_ended(rule.review_by, now=now):
            yield Finding("lint_overdue", rule.id)
        if any(is_all_wildcards(normalise_pattern(pattern)[1:]) for pattern in rule.match.remotes):
            yield Finding("lint_whole_host", rule.id)
        if rule.match == Match(labels=rule.match.labels):
            yield Finding("lint_labels_alone", rule.id)
        if rule.effect is Effect.CLOUD_OK:
            yield from _never_opens(rule, rules)
        else:
            yield from _adds_nothing(rule, rules)


def _adds_nothing(rule: PrivacyRule, rules: PrivacyRules) -> Iterator[Finding]:
    """Another rule that is at least as strict hits all that this one hits."""
    others = [
        (place, other)
        for place, other in enumerate(rules.restricting)
        if other is not rule and not is_stricter(rule.effect, other.effect)
    ]
    hits = _hits_of_each(list(signal_hits(rule.match)), rules)
    for place, other in others:
        is_twin = other.effect is rule.effect and other.match == rule.match
        # Of two equal rules only the later one is superfluous.
        if is_twin and place > rules.restricting.index(rule):
            continue
        if hits and all(place in found for found in hits):
            yield Finding("lint_redundant", rule.id, other.id)
            return


def _never_opens(rule: PrivacyRule, rules: PrivacyRules) -> Iterator[Finding]:
    """Restricting rules hit everything that this one would open."""
    hits = _hits_of_each(list(signal_hits(Match(remotes=rule.match.remotes))), rules)
    if hits and all(hits):
        closing = rules.restricting[min(hits[0])]
        yield Finding("lint_never_opens", rule.id, closing.id)


def _hits_of_each(samples: Sequence[Sample], rules: PrivacyRules) -> list[set[int]]:
    """For each sample with an address of its own the places of the restricting rules that hit it."""
    plain = [one for one in samples if "alias" not in one.words and "other case" not in one.words]
    return [set(rules.matching.restricting(read_signals(sample.project))) for sample in plain]


def _lint_exceptions(rules: PrivacyRules, *, now: datetime) -> Iterator[Finding]:
    for exception in rules.exceptions:
        if rules.has_ended(exception.expires, now=now):
            yield Finding("lint_expired", exception.id)
        named = next((rule for rule in rules.restricting if rule.id == exception.rule), None)
        if not _may_except(exception, named):
            yield Finding("lint_excepts_nothing", exception.id, exception.rule)


def _may_except(exception: PrivacyException, rule: PrivacyRule | None) -> bool:
    """Whether some address is both's. What a rule hits by other signals alone may have any address."""
    if rule is None or not rule.match.remotes:
        return rule is not None
    pairs = product(map(restricting_remote, rule.match.remotes), map(restricting_remote, exception.remotes))
    return any(meeting(one, other) is not None for one, other in pairs)


def _lint_overrides(bundle: Bundle) -> Iterator[Finding]:
    retired = {task.id for task in bundle.policy.tasks if task.is_retired}
    overrides = bundle.policy.overrides
    for place, override in enumerate(overrides):
        if override.when.tasks and set(override.when.tasks) <= retired:
            yield Finding("lint_only_retired", override.id)
        earlier = next((one for one in overrides[:place] if _holds_whenever(one, override)), None)
        if earlier is not None:
            yield Finding("lint_never_fires", override.id, earlier.id)


def _holds_whenever(earlier: Override, later: Override) -> bool:
    """Whether each condition of the earlier override is implied by the later one's."""
    return all(_implies(key, getattr(later.when, key), getattr(earlier.when, key)) for key in When._fields)


def _implies(key: str, narrow: object, wide: object) -> bool:
    if wide in (None, ()):
        return True
    if narrow in (None, ()):
        return False
    if key != "time" and isinstance(wide, tuple) and isinstance(narrow, tuple):
        return set(narrow) <= set(wide)
    if isinstance(wide, int | float) and isinstance(narrow, int | float) and not isinstance(wide, bool):
        return narrow <= wide if key == "cloud_quota_below" else narrow >= wide
    return narrow == wide
