"""The peers of `.ci/bench engine`, each in the fastest form found for it, with less to do than a whole decision.

Both get the remote's normal form as one text (the engine starts from the URL as git gives it), a prepared handle, and
only the question which rules match; neither plans models, finds near misses or writes a launch recipe. Beside them
stands the engine's own index with the same question, which is the comparison of equals.

cedarpy: one policy for each rule (`forbid` what restricts, `permit` what opens), `like` for globs, parsed once into a
`PolicySet`; its answer names the policies that decided. `*` of `like` crosses segments, which costs it nothing.
zen-engine: one decision table, a row for each rule, compiled once into a `ZenDecisionContent`; `startsWith` for
prefixes and `startsWith` with `contains` for globs, because its `matches` (regular expressions) takes ten times as
long; hit policy `collect`, because the first match alone would not name every rule.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import cedarpy
import zen

from routing.engine.bundle_value import Bundle
from routing.engine.identity import NormalRemote, Standing
from routing.engine.matching.signals import Signals
from tests.bench.rule_workload import Asked, Rule


@dataclass(frozen=True)
class Peer:
    """`matched` answers one request with the ids of the rules that match."""

    name: str
    compile_ms: float
    matched: Callable[[Asked], list[str]]


def own_matching(bundle: Bundle, *, compile_ms: float) -> Peer:
    """The index alone, as made for `bundle`; nothing is kept from one question to the next."""
    rules, matching = bundle.rules, bundle.rules.matching

    def matched(asked: Asked) -> list[str]:
        remote = tuple(asked.address.split("/"))
        signals = Signals(
            is_identified=True,
            is_in_doubt=False,
            exact=(NormalRemote(Standing.RESOLVED, remote),),
            remotes=(remote,),
            hostless=(),
            root_commits=(),
            markers=(),
            paths=(),
            labels=(),
        )
        restricting = [rules.restricting[place].id for place in matching.restricting(signals)]
        return restricting + [rules.opening[place].id for place in matching.opening(remote)]

    return Peer("kirikae", compile_ms, matched)


def cedar(rules: list[Rule]) -> Peer:
    text = "\n".join(map(_cedar_policy, rules))
    start = time.process_time()
    policies, entities = cedarpy.PolicySet.from_str(text), cedarpy.Entities.from_json_str("[]")
    compile_ms = 1000 * (time.process_time() - start)

    def matched(asked: Asked) -> list[str]:
        request = {
            "principal": 'User::"aiko"',
            "action": 'Action::"cloud"',
            "resource": 'Project::"one"',
            "context": {"remote": asked.address},
        }
        diagnostics = cedarpy.is_authorized(request, policies, entities).diagnostics
        return list(diagnostics.id_annotations_by_reason.values())

    return Peer("cedarpy", compile_ms, matched)


def _cedar_policy(rule: Rule) -> str:
    effect = "forbid" if rule.is_restricting else "permit"
    how = "like" if "*" in rule.pattern else "=="
    pattern = rule.pattern.replace("**", "*")
    condition = f'context.remote {how} "{pattern}"'
    return f'@id("{rule.id}")\n{effect}(principal, action == Action::"cloud", resource) when {{ {condition} }};'


def zen_table(rules: list[Rule]) -> Peer:
    text = json.dumps(_zen_document(rules))
    start = time.process_time()
    decision = zen.ZenEngine().create_decision(zen.ZenDecisionContent(text))
    compile_ms = 1000 * (time.process_time() - start)

    def matched(asked: Asked) -> list[str]:
        # A collecting table that collects nothing answers with an empty object.
        return [row["rule"] for row in decision.evaluate({"remote": asked.address})["result"] or ()]

    return Peer("zen-engine", compile_ms, matched)


def _zen_document(rules: list[Rule]) -> dict[str, object]:
    rows = [
        {"_id": rule.id, "i": _zen_condition(rule.pattern), "o": f'"{rule.id}"', "e": f'"{rule.is_restricting}"'}
        for rule in rules
    ]
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": "i", "name": "remote", "field": "remote"}],
        "outputs": [{"id": "o", "name": "rule", "field": "rule"}, {"id": "e", "name": "local", "field": "local"}],
        "rules": rows,
    }
    place = {"x": 0, "y": 0}
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in", "position": place},
            {"id": "table", "type": "decisionTableNode", "name": "table", "position": place, "content": table},
            {"id": "out", "type": "outputNode", "name": "out", "position": place},
        ],
        "edges": [
            {"id": "a", "sourceId": "in", "targetId": "table", "type": "edge"},
            {"id": "b", "sourceId": "table", "targetId": "out", "type": "edge"},
        ],
    }


def _zen_condition(pattern: str) -> str:
    if "*" not in pattern:
        return f'"{pattern}"'
    first, *others = pattern.replace("**", "*").split("*")
    conditions = [f'startsWith($, "{first}")'] if first else []
    conditions += [f'contains($, "{piece}")' for piece in others if piece.strip("/")]
    return " and ".join(conditions)
