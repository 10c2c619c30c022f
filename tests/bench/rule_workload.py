"""Rules and requests of any number for `.ci/bench engine`: the same for the engine and its peers, from a fixed seed.

Of the rules 70 % are prefixes (`host/group/**`), 20 % exact repositories and 10 % globs with literal pieces; four of
five restrict to the Mac, the others open. Half of the requests meet a rule; of the rest some stand near one.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "git.example.com", "code.example.org")


@dataclass(frozen=True)
class Rule:
    """`pattern` is a remote pattern as policies write it; `hit` is one address that it matches."""

    id: str
    pattern: str
    hit: str
    is_restricting: bool


@dataclass(frozen=True)
class Asked:
    """One project: the normal form of its remote, and the URL that git would give for it."""

    address: str
    url: str
    path: str
    root_commit: str


def make_rules(count: int) -> list[Rule]:
    rules = [_rule(place) for place in range(count)]
    random.Random(7).shuffle(rules)
    return rules


def make_requests(rules: list[Rule], count: int) -> Iterator[Asked]:
    """Every second one meets a rule; no two are equal, so that nothing is answered from memory."""
    dice = random.Random(11)
    for number in range(count):
        rule = dice.choice(rules)
        address = rule.hit if number % 2 == 0 else _miss(rule, number, dice)
        if rule.pattern.endswith("**") and number % 2 == 0:
            address = f"{address}-{number}"
        host, _, path = address.partition("/")
        url = f"git@{host}:{path}.git" if number % 4 < 2 else f"https://{host}/{path}.git"
        yield Asked(address, url, f"~/src/{number}/{path}", f"{number:040x}")


def policy_sections(rules: list[Rule]) -> dict[str, object]:
    documents = [
        {
            "id": rule.id,
            "effect": "local_only" if rule.is_restricting else "cloud_ok",
            "match": {"remotes": [rule.pattern]},
            "reason": {"en": f"Contract {rule.id}", "ja": f"契約 {rule.id}"},
        }
        for rule in rules
    ]
    return {"unclassified": {"identified": "local_only", "anonymous": "local_only"}, "privacy_rules": documents}


def _rule(place: int) -> Rule:
    host, group = HOSTS[place % len(HOSTS)], f"group-{place}"
    is_restricting = place // 10 % 5 != 0
    kind = place % 10
    if kind < 7:
        pattern, hit = f"{host}/{group}/**", f"{host}/{group}/team/app"
    elif kind < 9:
        pattern, hit = f"{host}/{group}/tool", f"{host}/{group}/tool"
    else:
        pattern, hit = (
            (f"{host}/*/client-{place}-*", f"{host}/shared/client-{place}-app"),
            (f"{host}/**/secret-{place}/**", f"{host}/shared/deep/secret-{place}/app"),
            (f"*.corp-{place}.example/team-*/**", f"git.corp-{place}.example/team-a/app"),
        )[place // 10 % 3]
    return Rule(f"rule-{place}", pattern, hit, is_restricting)


def _miss(rule: Rule, number: int, dice: random.Random) -> str:
    """A neighbour of an exact rule, else a group that no rule names."""
    if rule.pattern == rule.hit:
        return f"{rule.hit}-{number}"
    return f"{dice.choice(HOSTS)}/nobody-{number}/app"
