"""The privacy stage against Cedar, an engine of other people, where both can say the same.

Cedar has no globs of segments and cannot walk a set, so: one remote in its normal form, prefixes and exact patterns,
restricting rules as `forbid`, opening ones as `permit`, an exception as both. Everything unnamed is closed.
"""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine.effects import Effect
from routing.engine.matching.signals import read_signals
from routing.engine.request import Project, Remote
from tests.engine.conftest import NOW, every_way, policy_of

pytestmark = [pytest.mark.slow, pytest.mark.where("bench")]

GROUPS, NAMES = st.sampled_from(["acme", "acme2", "ours", "team"]), st.sampled_from(["app", "sdk", "docs"])
ADDRESSES = st.builds("github.com/{}/{}".format, GROUPS, NAMES)
PATTERNS = ADDRESSES | st.builds("github.com/{}/**".format, GROUPS) | st.just("github.com/**")
RULES = st.lists(st.tuples(st.sampled_from(["local_only", "block", "cloud_ok"]), PATTERNS), max_size=6)
EXCEPTIONS = st.lists(st.tuples(st.integers(0, 5), PATTERNS, st.sampled_from(["2026-11-24", "2026-11-25"])), max_size=3)


def condition(pattern: str) -> str:
    prefix = pattern.removesuffix("**")
    return f'context.remote like "{prefix}*"' if prefix != pattern else f'context.remote == "{pattern}"'


def cedar_permits(rules: list[tuple[str, str]], exceptions: list[tuple[int, str, str]], remote: str) -> bool:
    import cedarpy

    policies = []
    for place, (effect, pattern) in enumerate(rules):
        excepted = [condition(one) for at, one, expires in exceptions if at == place and valid(expires)]
        applies = condition(pattern)
        if effect == "cloud_ok":
            policies.append(f"permit(principal, action, resource) when {{ {applies} }};")
        else:
            unless = f" unless {{ {' || '.join(excepted)} }}" if excepted else ""
            policies.append(f"forbid(principal, action, resource) when {{ {applies} }}{unless};")
            policies += [f"permit(principal, action, resource) when {{ {applies} && {one} }};" for one in excepted]
    request = {
        "principal": 'User::"ben"', "action": 'Action::"cloud"', "resource": 'Project::"it"',
        "context": {"remote": remote},
    }  # fmt: skip
    answer = cedarpy.is_authorized(request, "\n".join(policies), [])
    assert answer.diagnostics.errors == []
    return bool(answer.allowed)


def valid(expires: str) -> bool:
    return NOW.date() <= date.fromisoformat(expires)


def kirikae_permits(rules: list[tuple[str, str]], exceptions: list[tuple[int, str, str]], remote: str) -> bool:
    sections: dict[str, Any] = {
        "unclassified": {"identified": "local_only", "anonymous": "local_only"},
        "privacy_rules": [
            {"id": f"r{place}", "effect": effect, "match": {"remotes": [pattern]}}
            for place, (effect, pattern) in enumerate(rules)
        ],
        "exceptions": [
            {
                "id": f"e{number}",
                "rule": f"r{at}",
                "match": {"remotes": [pattern]},
                "effect": "cloud_ok",
                "expires": day,
            }
            for number, (at, pattern, day) in enumerate(exceptions)
            if at < len(rules) and rules[at][0] != "cloud_ok"
        ],
    }
    signals = read_signals(Project(remotes=(Remote(raw=f"https://{remote}", url=f"https://{remote}"),)))
    ways = every_way(policy_of(**sections))
    effects = {rules.judge(signals, now=NOW, machine=None, is_expired=False).effect for rules in ways}
    assert len(effects) == 1
    return effects == {Effect.CLOUD_OK}


@given(RULES, EXCEPTIONS, ADDRESSES)
def test_cedar_permits_exactly_what_the_privacy_stage_permits(
    rules: list[tuple[str, str]], exceptions: list[tuple[int, str, str]], remote: str
) -> None:
    assert kirikae_permits(rules, exceptions, remote) is cedar_permits(rules, exceptions, remote)
