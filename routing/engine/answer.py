"""The answer as values, and its one document form. What only one process can know stands in the `Envelope`."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from .effects import Classification, Effect
from .explain import text_of
from .facts import time_text
from .named_tuple import NamedTuple
from .reading import strict_json

ANSWER_SCHEMA = 1

type Data = Mapping[str, object]
NO_DATA: Data = MappingProxyType({})


class Backend(StrEnum):
    LOCAL = "local"
    CLOUD = "cloud"
    NONE = "none"


class Stage(StrEnum):
    PRIVACY = "privacy"
    FEASIBILITY = "feasibility"
    PREFERENCE = "preference"
    SELECTION = "selection"
    FALLBACK = "fallback"
    OBLIGATIONS = "obligations"


class Reason(NamedTuple):
    stage: Stage
    code: str
    rule: str | None = None
    data: Data = NO_DATA


class NearMiss(NamedTuple):
    """A rule or override that almost applied: the one condition that failed, what it wanted and what was there."""

    rule: str
    key: str
    wanted: str
    got: str


class Note(NamedTuple):
    """A warning."""

    code: str
    data: Data = NO_DATA


class Remedy(NamedTuple):
    code: str
    command: str | None = None
    data: Data = NO_DATA


class Alternative(NamedTuple):
    """A backend or model that was not taken; `is_hard` tells a limit from a preference."""

    backend: Backend
    model: str | None
    blocked_by: str
    is_hard: bool
    remedy: Remedy | None = None


class Obligation(NamedTuple):
    code: str
    value: object = True


class Privacy(NamedTuple):
    effect: Effect
    classification: Classification
    floor: Effect | None
    rules: tuple[str, ...]
    exceptions: tuple[str, ...]


class ChosenModel(NamedTuple):
    name: str
    quantization: str | None
    format: str | None
    tier: str


class ChosenRuntime(NamedTuple):
    kind: str
    version: str | None
    base_url: str


class Context(NamedTuple):
    task_tokens: int
    prefix_tokens: int
    limit_tokens: int | None
    limit_by: str | None

    @property
    def total_tokens(self) -> int:
        return self.task_tokens + self.prefix_tokens


class Expected(NamedTuple):
    """Ranges from low to high, None when unknown."""

    first_token_s: tuple[float, float] | None
    decode_tokens_per_s: tuple[float, float] | None
    load_s: tuple[float, float] | None
    basis: str


class Launch(NamedTuple):
    """How to start the client. A name in `unset` that ends or begins with `*` stands for every name with that rest."""

    profile: str
    env: Mapping[str, str]
    unset: tuple[str, ...]
    args: tuple[str, ...]


class Answer(NamedTuple):
    task: str
    is_task_assumed: bool
    backend: Backend
    refusal: str | None
    privacy: Privacy
    model: ChosenModel | None
    runtime: ChosenRuntime | None
    machine: str | None
    context: Context
    reasons: tuple[Reason, ...]
    near_misses: tuple[NearMiss, ...]
    warnings: tuple[Note, ...]
    alternatives: tuple[Alternative, ...]
    obligations: tuple[Obligation, ...]
    expected: Expected | None
    launch: Launch | None
    revision: int
    engine: str


class Envelope(NamedTuple):
    """`id` is a UUIDv7; `valid_until` is when the answer must be asked for again."""

    id: str
    valid_until: datetime
    decided_by: str
    policy_age_s: int
    policy_state: str
    facts_age_s: int | None
    facts_source: str


def uuid7_text(now: datetime, entropy: bytes) -> str:
    """A UUIDv7 of the time (aware) and 10 random bytes."""
    value = int(now.timestamp() * 1000) << 80 | int.from_bytes(entropy[:10])
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def answer_document(answer: Answer, envelope: Envelope, *, language: str) -> dict[str, object]:
    """The answer as the API gives it, every field present. `language` (en, ja) changes only the `text` fields."""
    return {
        "schema": ANSWER_SCHEMA,
        "id": envelope.id,
        "decided_by": envelope.decided_by,
        "valid_until": time_text(envelope.valid_until),
        "task": {"id": answer.task, "assumed": answer.is_task_assumed},
        "backend": str(answer.backend),
        "refusal": _refusal(answer, language),
        "privacy": {
            "effect": str(answer.privacy.effect),
            "classification": str(answer.privacy.classification),
            "floor": str(answer.privacy.floor) if answer.privacy.floor else None,
            "rules": list(answer.privacy.rules),
            "exceptions": list(answer.privacy.exceptions),
        },
        "model": _fields(answer.model, ("name", "quantization", "format", "tier")),
        "runtime": _fields(answer.runtime, ("kind", "version", "base_url")),
        "machine": answer.machine,
        "context": _fields(
            answer.context, ("task_tokens", "prefix_tokens", "total_tokens", "limit_tokens", "limit_by")
        ),
        "reasons": [_reason(reason, language) for reason in answer.reasons],
        "near_misses": [_near_miss(miss, language) for miss in answer.near_misses],
        "warnings": [
            {"code": note.code, "data": _data(note.data), "text": text_of(note.code, note.data, language)}
            for note in answer.warnings
        ],
        "alternatives": [_alternative(one, language) for one in answer.alternatives],
        "obligations": [_obligation(one, language) for one in answer.obligations],
        "expected": _expected(answer.expected),
        "launch": _launch(answer.launch),
        "policy": {
            "revision": answer.revision,
            "age_s": envelope.policy_age_s,
            "state": envelope.policy_state,
        },
        "facts": {"age_s": envelope.facts_age_s, "source": envelope.facts_source},
        "engine": answer.engine,
    }


def canonical_answer(document: Mapping[str, object]) -> bytes:
    """The bytes that portal, API, command line and wheel must agree on, given the same request, bundle and facts."""
    kept = {key: value for key, value in document.items() if key not in ("id", "valid_until", "decided_by", "facts")}
    policy = document["policy"]
    kept["policy"] = {"revision": policy["revision"]} if isinstance(policy, dict) else policy
    return strict_json.encode(_without_texts(kept))


def _without_texts(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_texts(inner) for key, inner in value.items() if key != "text"}
    if isinstance(value, list):
        return [_without_texts(inner) for inner in value]
    return value


def _fields(value: object, names: tuple[str, ...]) -> dict[str, object] | None:
    return None if value is None else {name: getattr(value, name) for name in names}


def _refusal(answer: Answer, language: str) -> dict[str, object] | None:
    if answer.refusal is None:
        return None
    return {"code": answer.refusal, "text": text_of(answer.refusal, {"task": answer.task}, language)}


def _reason(reason: Reason, language: str) -> dict[str, object]:
    words = {"rule": reason.rule, **reason.data}
    return {
        "stage": str(reason.stage),
        "code": reason.code,
        "rule": reason.rule,
        "data": _data(reason.data),
        "text": text_of(reason.code, words, language),
    }


def _data(data: Data) -> dict[str, object]:
    """A copy, also of a text in both languages: answers share their data, a document is its receiver's."""
    return {key: dict(value) if isinstance(value, dict) else value for key, value in data.items()}


def _near_miss(miss: NearMiss, language: str) -> dict[str, object]:
    failed = {"key": miss.key, "wanted": miss.wanted, "got": miss.got}
    return {"rule": miss.rule, "failed": failed, "text": text_of("near_miss", {"rule": miss.rule, **failed}, language)}


def _alternative(one: Alternative, language: str) -> dict[str, object]:
    remedy = one.remedy
    return {
        "backend": str(one.backend),
        "model": one.model,
        "blocked_by": one.blocked_by,
        "hard": one.is_hard,
        "remedy": None
        if remedy is None
        else {"code": remedy.code, "command": remedy.command, "text": text_of(remedy.code, remedy.data, language)},
    }


def _obligation(one: Obligation, language: str) -> dict[str, object]:
    value = list(one.value) if isinstance(one.value, tuple) else one.value
    return {"code": one.code, "value": value, "text": text_of(one.code, {"value": one.value}, language)}


def _expected(expected: Expected | None) -> dict[str, object] | None:
    if expected is None:
        return None
    ranges = {name: getattr(expected, name) for name in ("first_token_s", "decode_tokens_per_s", "load_s")}
    return {name: None if value is None else list(value) for name, value in ranges.items()} | {"basis": expected.basis}


def _launch(launch: Launch | None) -> dict[str, object] | None:
    if launch is None:
        return None
    return {
        "profile": launch.profile,
        "env": dict(launch.env),
        "unset": list(launch.unset),
        "args": list(launch.args),
    }
