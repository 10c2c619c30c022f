"""Proofs and hints about the policy in force, in lines for a terminal."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from portal.common.engine_words import sample_in_words
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
        known = ", ".join(rule.id for rule in rules) or _("none")
        raise LookupError(
            _("There is no restricting rule '%(rule)s'; known: %(known)s.") % {"rule": only, "known": known}
        )
    return [prove_rule(bundle, rule, now=now) for rule in chosen]


def proof_lines(proof: Proof) -> Iterator[str]:
    if proof.counterexample is None:
        told = _(
            "%(rule)s: no request that carries one of its signals can be answered cloud (%(classes)s classes checked)."
        )
        yield told % {"rule": proof.rule, "classes": f"{proof.classes:,}"}
    else:
        told = _("%(rule)s: COUNTEREXAMPLE. %(found)s")
        yield told % {"rule": proof.rule, "found": _counterexample(proof.counterexample)}
    for row in proof.variations:
        mark = "cloud" if row.effect is Effect.CLOUD_OK else row.effect
        yield f"  {sample_in_words(row.words)}: {mark}"


def lint_lines(bundle: Bundle, *, now: datetime, language: str) -> list[str]:
    return [
        f"{text_of(one.code, {'subject': one.subject, 'other': one.other}, language)} [{one.code}]"
        for one in lint(bundle, now=now)
    ]


def _counterexample(found: Counterexample) -> str:
    told = _("This may be answered cloud: %(sample)s, %(task)s, policy %(state)s.")
    if found.machine:
        told = _("This may be answered cloud: %(sample)s, %(task)s on %(machine)s, policy %(state)s.")
    return told % {
        "sample": sample_in_words(found.words),
        "task": found.task,
        "machine": found.machine,
        "state": _("out of date") if found.policy_state == "expired" else _("fresh"),
    }
