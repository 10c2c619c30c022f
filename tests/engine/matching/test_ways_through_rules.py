"""Scanned, indexed, or indexed by another process: rules of every kind of signal are found alike."""

from typing import Any

from routing.engine import wire
from routing.engine.decide import decide, decide_privacy
from routing.engine.facts import Situation
from routing.engine.matching.rule_index import IndexedRules
from routing.engine.matching.rule_matching import ScannedRules
from routing.engine.matching.signals import read_signals
from routing.engine.rules import PrivacyRules
from tests.engine.conftest import ACME, NDA_RULE, NOW, every_way, policy_of, unpacked_bundle

COMMIT = "1f0e3dad99908345f7439f8ffabdffc4a1b2c3d4"
MATCHES: dict[str, dict[str, list[str]]] = {
    "by-prefix": {"remotes": ["github.com/acme/**"]},
    "by-repository": {"remotes": ["gitlab.com/acme/app"]},
    "by-glob": {"remotes": ["*.example/**/app"]},
    "by-path-of-an-alias": {"remotes": ["git.inside.example/team/tool"]},
    "by-commit": {"root_commits": [COMMIT]},
    "by-marker": {"markers": ["falcon-*"]},
    "by-folder": {"paths": ["~/work/acme/**"]},
    "by-label": {"labels": ["client-?cme", "client-*"]},
    "by-nothing-here": {"remotes": ["github.com/else/**"], "markers": ["kite"], "labels": ["in-house"]},
}
PROJECT: dict[str, Any] = {
    "remotes": [
        "git@github.com:acme/app.git", "https://gitlab.com/acme/app", "https://code.example/x/y/app",
        "git@inside:team/tool.git", "git@other:x/y.git",
    ],
    "root_commits": ["0" * 40, COMMIT, "f" * 40],
    "markers": ["falcon-7", "other"],
    "labels": ["client-acme", "other"],
    "paths": ["~/work/acme/app", "~/elsewhere"],
}  # fmt: skip


def rules_hitting(project: dict[str, Any], *, is_understood: bool = True) -> list[list[str]]:
    """For each way the rules that restrict the project."""
    rules = [{"id": name, "effect": "local_only", "match": match} for name, match in MATCHES.items()]
    policy = policy_of(privacy_rules=rules)
    last = policy.privacy_rules[-1]._replace(can_be_evaluated=is_understood)
    signals = read_signals(wire.request_from_document({"task": "x", "projects": [project]}).projects[0])
    found = []
    for way in every_way(policy._replace(privacy_rules=(*policy.privacy_rules[:-1], last))):
        verdict = way.judge(signals, now=NOW, machine=None, is_expired=False)
        found.append([finding.rule.id for finding in verdict.findings if finding.rule])
    return found


def test_every_kind_of_signal_finds_its_rules_beside_the_others() -> None:
    wanted = [name for name in MATCHES if name != "by-nothing-here"]

    assert rules_hitting(PROJECT) == [wanted] * 3


def test_each_signal_alone_finds_its_rule_alone() -> None:
    for key, place, name in [
        ("remotes", 0, "by-prefix"), ("remotes", 1, "by-repository"), ("remotes", 2, "by-glob"),
        ("remotes", 3, "by-path-of-an-alias"), ("root_commits", 1, "by-commit"), ("markers", 0, "by-marker"),
        ("labels", 0, "by-label"), ("paths", 0, "by-folder"),
    ]:  # fmt: skip
        assert rules_hitting({key: [PROJECT[key][place]]}) == [[name]] * 3, name


def test_order_of_the_signals_does_not_matter() -> None:
    turned = {key: list(reversed(values)) for key, values in PROJECT.items()}

    assert rules_hitting(turned) == rules_hitting(PROJECT)


def test_rule_that_is_not_understood_is_found_whatever_the_signals() -> None:
    assert rules_hitting({}, is_understood=False) == [["by-nothing-here"]] * 3


def test_process_that_decides_once_scans() -> None:
    policy = policy_of(privacy_rules=[NDA_RULE])

    assert isinstance(PrivacyRules.of(policy).matching, ScannedRules)
    assert isinstance(PrivacyRules.of(policy, is_indexed=True).matching, IndexedRules)


def test_privacy_alone_is_what_the_whole_answer_says() -> None:
    bundle = unpacked_bundle(policy_of(privacy_rules=[NDA_RULE]))
    asked = wire.request_from_document({"task": "confidential-code", "projects": [ACME]})
    situation = Situation(now=NOW)

    alone = decide_privacy(asked, bundle=bundle, situation=situation)

    assert alone == decide(asked, bundle=bundle, facts=None, situation=situation).privacy
    assert (alone.effect, alone.rules) == ("local_only", ("nda-acme",))
