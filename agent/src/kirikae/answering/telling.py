"""The answer in words, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kirikae.collect.runtime_facts import entries_of, mapping_of
from kirikae.texts import say


def tell_answer(document: Mapping[str, object], *, has_reasons: bool) -> str:
    lines = [_headline(document)]
    lines += _trace(document) if has_reasons else _main_reasons(document)
    lines += [say("answer.warning", **one) for one in entries_of(document, "warnings")]
    if document["backend"] == "none":
        lines += _remedies(document)
    lines.append(f"  {tell_policy(document)}")
    return "\n".join(lines)


def tell_policy(document: Mapping[str, object]) -> str:
    policy = mapping_of(document, "policy")
    return say(
        "answer.policy",
        revision=policy.get("revision"),
        age=policy.get("age_s"),
        state=say(f"policy.{policy.get('state')}"),
    )


def _headline(document: Mapping[str, object]) -> str:
    if document["backend"] == "cloud":
        return say("answer.cloud")
    if document["backend"] == "none":
        return say("answer.none", text=mapping_of(document, "refusal").get("text"))
    model, runtime = mapping_of(document, "model"), mapping_of(document, "runtime")
    return say(
        "answer.local",
        model=model.get("name"),
        quantization=model.get("quantization") or "",
        runtime=runtime.get("base_url"),
    )


def _main_reasons(document: Mapping[str, object]) -> Iterator[str]:
    """What may leave the machine and what is preferred; for a refusal also why nothing is feasible."""
    stages = ("privacy", "feasibility") if document["backend"] == "none" else ("privacy", "preference")
    for reason in entries_of(document, "reasons"):
        if reason.get("stage") in stages:
            yield say("answer.reason", **reason)


def _trace(document: Mapping[str, object]) -> Iterator[str]:
    """Every reason under its stage, then what almost applied and what the launch must keep."""
    stage = None
    for reason in entries_of(document, "reasons"):
        if reason.get("stage") != stage:
            stage = reason.get("stage")
            yield f" {say(f'stage.{stage}')}"
        yield say("answer.reason", **reason)
    yield from (say("answer.near_miss", **one) for one in entries_of(document, "near_misses"))
    yield from (say("answer.obligation", **one) for one in entries_of(document, "obligations"))


def _remedies(document: Mapping[str, object]) -> Iterator[str]:
    remedies = [mapping_of(one, "remedy") for one in entries_of(document, "alternatives")]
    told = dict.fromkeys((str(one.get("text") or ""), str(one.get("command") or "")) for one in remedies if one)
    yield from (say("answer.remedy", text=text, command=command).rstrip() for text, command in told)
