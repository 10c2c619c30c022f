"""The privacy stage written a second time, as plainly as it can be said: every rule is looked at, globs are regular
expressions, nothing is prepared. It shares with the engine only the reading of signals, which has vectors of its own.
"""

import re
from datetime import date

from routing.engine.effects import Effect, is_stricter, strictest
from routing.engine.identity import fold, fold_segments, normalise_pattern
from routing.engine.matching.signals import Segments, Signals, fold_folder, folder_forms, read_signals
from routing.engine.policy.values import Policy, PrivacyException, PrivacyRule
from routing.engine.request import Project

OPENING = (Effect.ORG_ONLY, Effect.CLOUD_OK)


def effect_of_project(policy: Policy, project: Project, *, today: date, machine: str | None) -> Effect:
    signals = read_signals(project)
    rules = [rule for rule in policy.privacy_rules if rule.effect is not Effect.CLOUD_OK and hits(rule, signals)]
    used = [(rule, valid_exceptions(policy, rule, signals, today=today, machine=machine)) for rule in rules]
    effects = [strictest(one.effect for one in exceptions) if exceptions else rule.effect for rule, exceptions in used]
    # Of several exceptions for one rule the strictest is the one that applies.
    applied = [
        next(one for one in found if one.effect is strictest(e.effect for e in found)) for _, found in used if found
    ]
    return strictest([*effects, base(policy, signals, applied, today=today)])


def base(policy: Policy, signals: Signals, applied: list[PrivacyException], *, today: date) -> Effect:
    opened: list[Effect] = [one.effect for one in applied]
    for remote in signals.exact if signals.is_identified else ():
        rules = [
            rule
            for rule in policy.privacy_rules
            if rule.effect in OPENING and not has_ended(rule, today) and covers(rule.match.remotes, remote.segments)
        ]
        is_excepted = any(names(policy, one.rule, remote.segments) for one in applied)
        if not rules and not is_excepted:
            return unclassified(policy, signals)
        opened += [rule.effect for rule in rules]
    return strictest(opened) if signals.is_identified else unclassified(policy, signals)


def unclassified(policy: Policy, signals: Signals) -> Effect:
    if signals.is_identified:
        return policy.identified
    return strictest((policy.identified, policy.anonymous)) if signals.is_in_doubt else policy.anonymous


def valid_exceptions(
    policy: Policy, rule: PrivacyRule, signals: Signals, *, today: date, machine: str | None
) -> list[PrivacyException]:
    return [
        one
        for one in policy.exceptions
        if one.rule == rule.id
        and rule.may_have_exceptions
        and signals.is_identified
        and today <= one.expires
        and (not one.machines or machine in one.machines)
        and is_stricter(rule.effect, one.effect)
        and all(covers(one.remotes, remote.segments) for remote in signals.exact)
    ]


def has_ended(rule: PrivacyRule, today: date) -> bool:
    return rule.effect is Effect.CLOUD_OK and rule.expires is not None and today > rule.expires


def names(policy: Policy, rule_id: str, remote: Segments) -> bool:
    """Whether the rule itself names this remote."""
    return any(covers_folded(rule, fold_segments(remote)) for rule in policy.privacy_rules if rule.id == rule_id)


def hits(rule: PrivacyRule, signals: Signals) -> bool:
    texts = [(rule.match.markers, signals.markers), (rule.match.labels, signals.labels)]
    return (
        any(covers_folded(rule, remote) for remote in signals.remotes)
        or any(covers_path_of_remote(rule, path) for path in signals.hostless)
        or any(fold(commit) in signals.root_commits for commit in rule.match.root_commits)
        or any(glob((fold(one),), (text,)) for patterns, found in texts for one in patterns for text in found)
        or any(meets_folder(pattern, path) for pattern in rule.match.paths for path in signals.paths)
    )


def restricting(pattern: str) -> Segments:
    segments = fold_segments(normalise_pattern(pattern))
    return (*segments, "**") if pattern.rstrip().endswith("/") else segments


def covers_folded(rule: PrivacyRule, remote: Segments) -> bool:
    return any(glob(restricting(pattern), remote) for pattern in rule.match.remotes)


def covers_path_of_remote(rule: PrivacyRule, path: Segments) -> bool:
    paths = [restricting(pattern)[1:] for pattern in rule.match.remotes]
    return any(glob(one, path) for one in paths if any(segment.strip("*") for segment in one))


def covers(patterns: tuple[str, ...], remote: Segments) -> bool:
    return any(glob(normalise_pattern(pattern), remote) for pattern in patterns)


def meets_folder(pattern: str, path: Segments) -> bool:
    """Inside the protected folder, or a folder that contains it; a person's whole home is not everybody's."""
    folder = fold_folder(pattern)
    for form in folder_forms(folder):
        if form == ("~",) != folder:
            continue
        head = form[: form.index("**")] if "**" in form else form
        is_above = len(path) <= len(head) and all(
            glob((wanted,), (got,)) for wanted, got in zip(head, path, strict=False)
        )
        if is_above or glob((*form, "**"), path):
            return True
    return False


def glob(pattern: Segments, segments: Segments) -> bool:
    """Each segment is written with a slash behind it, so that `**` may stand for none."""
    pieces = ["(?:[^/]*/)*" if one == "**" else re.escape(one).replace(r"\*", "[^/]*") + "/" for one in pattern]
    return re.fullmatch("".join(pieces), "".join(f"{one}/" for one in segments), re.DOTALL) is not None
