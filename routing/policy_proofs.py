"""Proofs and hints about the policy in force, in lines for a terminal."""

from collections.abc import Iterator
from datetime import datetime

from routing.engine.bundle_value import Bundle
from routing.engine.effects import Effect
from routing.engine.explain import text_of
from routing.engine.proof.lint import lint
from routing.engine.proof.prove import Counterexample, Proof, prove_rule


def prove_rules(bundle: Bundle, *, only: str | None, now: datetime) -> list[Proof]:
    """A proof of each restricting rule, or of the one named. Raises LookupError for a name that no such rule has."""
    rules = [rule for rule in bundle.policy.privacy_rules if rule.effect.is_restricting]
    chosen = [rule for rule in rules if only in (None, rule.id)]
    if only is not None and not chosen:
        known = ", ".join(rule.id for rule in rules) or "none"
        raise LookupError(f"There is no restricting rule '{only}'; known: {known}.")
    return [prove_rule(bundle, rule, now=now) for rule in chosen]


def proof_lines(proof: Proof) -> Iterator[str]:
    if proof.counterexample is None:
        yield (
            f"{proof.rule}: no request that carries one of its signals can be answered cloud "
            f"({proof.classes:,} classes checked)."
        )
    else:
        yield f"{proof.rule}: COUNTEREXAMPLE. {_counterexample(proof.counterexample)}"
    for row in proof.variations:
        mark = "cloud" if row.effect is Effect.CLOUD_OK else row.effect
        yield f"  {row.words}: {mark}"


def lint_lines(bundle: Bundle, *, now: datetime, language: str) -> list[str]:
    return [
        f"{text_of(one.code, {'subject': one.subject, 'other': one.other}, language)} [{one.code}]"
        for one in lint(bundle, now=now)
    ]


def _counterexample(found: Counterexample) -> str:
    machine = f" on {found.machine}" if found.machine else ""
    return f"This may be answered cloud: {found.words}, {found.task}{machine}, policy {found.policy_state}."
