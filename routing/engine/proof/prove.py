"""Proofs about one policy: that no request with a rule's signals is answered "cloud", and whether a change loosens.

The classes of requests are finite: what the policy's own patterns can tell apart, times tasks, times flags. Each is
judged by the privacy stage itself. Facts of a machine never change an effect (a tested promise), so they are left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain

from ..bundle_value import Bundle
from ..effects import Effect, is_stricter, strictest
from ..facts import PolicyState
from ..identity import normalise_pattern
from ..matching.rule_matching import RestrictingMatch, restricting_remote
from ..matching.signals import read_signals
from ..named_tuple import NamedTuple
from ..policy.values import Match, Policy, PrivacyRule, TaskCategory
from ..request import Project, Remote
from ..rules import PrivacyRules
from .crossings import crossings
from .samples import (
    LOCAL_REMOTE,
    NEUTRAL_REMOTE,
    Sample,
    remote,
    remote_hits,
    signal_hits,
    signal_misses,
    with_more,
    written_forms,
)

_STATES: tuple[PolicyState, ...] = ("fresh", "expired")


class Counterexample(NamedTuple):
    """One class of requests that may be answered "cloud": the project in words, the task, the circumstances."""

    words: str
    project: Project
    task: str
    machine: str | None
    policy_state: PolicyState


class Proof(NamedTuple):
    """`counterexample` is None when none of the `classes` can be answered "cloud"."""

    rule: str
    classes: int
    counterexample: Counterexample | None
    variations: tuple["Variation", ...]


class Variation(NamedTuple):
    """The rule's project with one signal dropped or changed, and the effect that it then has."""

    words: str
    effect: Effect


class Loosening(NamedTuple):
    """A class of requests with a less strict effect after a change than before."""

    words: str
    task: str
    before: Effect
    after: Effect


def prove_rule(bundle: Bundle, rule: PrivacyRule, *, now: datetime) -> Proof:
    """Walks through every class that carries one of the rule's signals, until one may be answered "cloud"."""
    policy, rules = bundle.policy, bundle.rules
    count, counterexample = 0, None
    for sample in _carrying(policy, rule):
        for machine in _machines(policy):
            for state in _STATES:
                effect = _effect(rules, sample.project, now=now, machine=machine, state=state)
                count += len(policy.tasks)
                if counterexample is None and (task := _cloud_task(policy.tasks, effect)):
                    counterexample = Counterexample(sample.words, sample.project, task.id, machine, state)
    return Proof(rule.id, count, counterexample, _variations(rules, rule, now=now))


def find_loosening(before: Bundle, after: Bundle, *, now: datetime) -> Loosening | None:
    """A class whose effect is less strict after the change; None when the change loosens nothing."""
    for sample in _all_classes((before.policy, after.policy)):
        for machine in {*_machines(before.policy), *_machines(after.policy)}:
            for state in _STATES:
                effects = [
                    _effect(one.rules, sample.project, now=now, machine=machine, state=state) for one in (before, after)
                ]
                loosened = _loosened_task(before.policy, after.policy, effects)
                if loosened:
                    return Loosening(sample.words, *loosened)
    return None


def _carrying(policy: Policy, rule: PrivacyRule) -> Iterator[Sample]:
    """The rule's signals, each alone and beside everything that could open a project.

    What an exception or an opening rule names may carry them too, in places that the rule's own samples miss.
    """
    crossed = _crossed(_excepted_patterns(policy), _loosening_patterns(policy), rule.match.remotes)
    companions, match = [*_companions(policy), *remote_hits(crossed)], RestrictingMatch(rule.match)
    opened = [Sample(words, Project(remotes=(one,))) for words, one in companions]
    own = [sample for sample in opened if match.hits(read_signals(sample.project))]
    for sample in chain(signal_hits(rule.match), own):
        yield from with_more(sample, companions)
    yield from _rewritten(policy, rule)


def _rewritten(policy: Policy, rule: PrivacyRule) -> Iterator[Sample]:
    """A remote that the rule hits as configured and that git's `insteadOf` turns into what an exception names."""
    excepted = [pattern for one in policy.exceptions if one.rule == rule.id for pattern in one.remotes]
    configured = next(remote_hits(rule.match.remotes), None)
    if configured is None:
        return
    for words, resolved in remote_hits(excepted):
        yield Sample(
            f"{configured[0]}, rewritten to {words}", Project(remotes=(resolved._replace(raw=configured[1].url),))
        )


def _companions(policy: Policy) -> Iterator[tuple[str, Remote]]:
    yield "a repository that no rule names", remote(NEUTRAL_REMOTE)
    yield "a local mirror", remote(LOCAL_REMOTE)
    yield from remote_hits(_loosening_patterns(policy))


def _crossed(patterns: Iterable[str], loosening: Iterable[str], restricting: Iterable[str]) -> Iterator[str]:
    """Where `patterns`, which loosen, meet what else does and what restricts: two of them, and three."""
    read = dict.fromkeys(map(normalise_pattern, patterns))
    others = dict.fromkeys([*map(restricting_remote, restricting), *map(normalise_pattern, loosening)])
    twice = dict.fromkeys(crossings(others, read))
    return map("/".join, dict.fromkeys([*twice, *crossings(others, twice)]))


def _all_classes(policies: Sequence[Policy]) -> Iterator[Sample]:
    """Every class of either policy: hits and neighbours of each pattern, alone and beside what opens."""
    yield Sample("nothing known", Project())
    yield Sample("no remote", Project(remotes=()))
    yield Sample("a repository that no rule names", Project(remotes=(remote(NEUTRAL_REMOTE),)))
    yield Sample("a local repository", Project(remotes=(remote(LOCAL_REMOTE),)))
    companions = list(dict.fromkeys(chain.from_iterable(_companions(policy) for policy in policies)))
    matches = [rule.match for policy in policies for rule in policy.privacy_rules]
    matches += [Match(remotes=one.remotes) for policy in policies for one in policy.exceptions]
    named = [pattern for match in matches for pattern in match.remotes]
    loosening = [pattern for policy in policies for pattern in _loosening_patterns(policy)]
    matches += [Match(remotes=(pattern,)) for pattern in _crossed(loosening, loosening, named)]
    for match in dict.fromkeys(matches):
        for sample in chain(signal_hits(match), signal_misses(match)):
            yield from with_more(sample, companions)


def _variations(rules: PrivacyRules, rule: PrivacyRule, *, now: datetime) -> tuple[Variation, ...]:
    """What the rule's project would be answered if one signal were dropped or changed."""
    rows = [
        Variation(words, _effect(rules, project, now=now, machine=None, state="fresh"))
        for words, project in _changed_projects(rule)
    ]
    return tuple(rows)


def _changed_projects(rule: PrivacyRule) -> Iterator[tuple[str, Project]]:
    match = rule.match
    whole = _whole_project(match)
    fork = (remote("https://neutral.example/me/fork.git"),)
    yield "all signals", whole
    if match.remotes:
        words, hit = next(remote_hits(match.remotes))
        path = words.partition("/")[2].partition(" ")[0]
        forms = dict(written_forms(words.partition("/")[0], path))
        yield "no remote", whole._replace(remotes=())
        yield "remotes not collected", whole._replace(remotes=None)
        yield "a fork under another name", whole._replace(remotes=fork)
        yield "an ssh alias", whole._replace(remotes=(forms["ssh alias"],))
        yield "only the remote", Project(remotes=(hit,))
    if match.root_commits:
        # A rule goes by first commits, so one that does not show its own is not complete: nothing identifies it.
        yield "a shallow clone", whole._replace(root_commits=None, is_complete=False)
        yield "a shallow clone of a fork", Project(remotes=fork, is_complete=False)
    yield "a copied folder", Project(remotes=(), markers=whole.markers)
    if match.paths:
        yield "the parent folder", Project(paths=(match.paths[0].rpartition("/")[0].rpartition("/")[0] or "~",))


def _whole_project(match: Match) -> Project:
    """A project with one signal of each kind that the rule names."""
    hit = next((one for _, one in remote_hits(match.remotes)), None)
    folder = next((sample.project.paths for sample in signal_hits(Match(paths=match.paths))), None)
    return Project(
        remotes=(hit,) if hit else (),
        root_commits=match.root_commits[:1] or None,
        markers=match.markers[:1],
        paths=folder,
        labels=match.labels[:1],
    )


def _opening(policy: Policy) -> list[PrivacyRule]:
    return [rule for rule in policy.privacy_rules if not rule.effect.is_restricting or rule.effect is Effect.ORG_ONLY]


def _loosening_patterns(policy: Policy) -> Iterator[str]:
    yield from (pattern for rule in _opening(policy) for pattern in rule.match.remotes)
    yield from _excepted_patterns(policy)


def _excepted_patterns(policy: Policy) -> Iterator[str]:
    return (pattern for exception in policy.exceptions for pattern in exception.remotes)


def _machines(policy: Policy) -> tuple[str | None, ...]:
    """No machine, and each that an exception names."""
    return (None, *dict.fromkeys(machine for one in policy.exceptions for machine in one.machines))


def _effect(rules: PrivacyRules, project: Project, *, now: datetime, machine: str | None, state: PolicyState) -> Effect:
    return rules.judge(read_signals(project), now=now, machine=machine, is_expired=state == "expired").effect


def _cloud_task(tasks: Iterable[TaskCategory], effect: Effect) -> TaskCategory | None:
    """The first task that such a project could take to the cloud."""
    if effect is not Effect.CLOUD_OK:
        return None
    return next((task for task in tasks if task.floor in (None, Effect.CLOUD_OK)), None)


def _loosened_task(before: Policy, after: Policy, effects: Sequence[Effect]) -> tuple[str, Effect, Effect] | None:
    """The first task whose effect, floor included, is less strict after the change."""
    for task in after.tasks:
        old = before.find_task(task.id)
        floors = [one.floor for one in (old or task, task)]
        was, now = (
            strictest((effect, floor)) if floor else effect for effect, floor in zip(effects, floors, strict=True)
        )
        if is_stricter(was, now):
            return task.id, was, now
    return None
