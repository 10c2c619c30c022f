"""Receipts as launchers send them: the strict parser. What is done with them is in `services`.

Names and codes only: a prompt or the value of an argument has no field here, and unknown fields are refused.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from routing.engine.effects import Classification, Effect
from routing.engine.errors import WireError
from routing.engine.reading.shapes import ObjectReader, read_whole
from routing.engine.request import TaskRequest
from routing.engine.wire import request_from_document
from routing.models import Receipt

MAX_RECEIPTS = 100
BACKENDS = ("local", "cloud", "none")
BASE_URL_CLASSES = ("loopback", "anthropic", "other")
GUARDS = ("advisory", "guarded", "enforced")
_ANSWER_KEYS = (
    "schema", "id", "decided_by", "valid_until", "task", "backend", "refusal", "privacy", "model", "runtime", "machine",
    "context", "reasons", "near_misses", "warnings", "alternatives", "obligations", "expected", "launch", "policy",
    "facts", "engine",
)  # fmt: skip
_CODE = re.compile(r"[a-z][a-z0-9_.]*")
_ARGUMENT_NAME = re.compile(r"-{0,2}[A-Za-z0-9][A-Za-z0-9-]*")


@dataclass(frozen=True)
class ReceiptReport:
    decision_id: uuid.UUID
    request: TaskRequest
    answer: dict[str, Any]
    facts_digest: str | None
    # With the revision's number it names the policy, also after a backup was restored. None: of the number alone.
    policy_epoch: int | None
    kind: str
    at: datetime
    launched: dict[str, Any] | None
    exit_code: int | None
    preflight: list[dict[str, Any]]
    guard: str


def receipts_from_document(document: object) -> tuple[ReceiptReport, ...]:
    """`{"receipts": [...]}`. Raises WireError for the first thing outside the allowed shape."""
    receipts, problems = read_whole(document, _read_batch)
    if problems:
        raise WireError(code=problems[0].code, detail=problems[0].detail, field=problems[0].path)
    return receipts


def _read_batch(reader: ObjectReader) -> tuple[ReceiptReport, ...]:
    return tuple(_read_receipt(one) for one in reader.readers("receipts", low=1, high=MAX_RECEIPTS))


def _read_receipt(reader: ObjectReader) -> ReceiptReport:
    decision = reader.reader("decision")
    decision_id = _read_id(decision)
    receipt = ReceiptReport(
        decision_id=decision_id,
        request=_read_request(decision),
        answer=_read_answer(decision, decision_id),
        facts_digest=decision.optional_text("facts_digest", max_length=80),
        policy_epoch=decision.optional_integer("policy_epoch", low=1, high=2**31 - 1),
        kind=reader.choice("kind", Receipt.Kind.values),
        at=_read_time(reader),
        launched=_read_launched(reader),
        exit_code=reader.optional_integer("exit", low=-255, high=255),
        preflight=[_read_check(one) for one in reader.readers("preflight", [], high=50)],
        guard=reader.optional_choice("guard", GUARDS) or "",
    )
    decision.close()
    reader.close()
    return receipt


def _read_id(reader: ObjectReader) -> uuid.UUID:
    found = reader.text("id", max_length=36)
    try:
        return uuid.UUID(found)
    except ValueError:
        reader.wrong(reader.at("id"), found=found, allowed="a UUID")
        return uuid.UUID(int=0)


def _read_request(reader: ObjectReader) -> TaskRequest:
    try:
        return request_from_document(reader.take("request"))
    except WireError as error:
        path = f"{reader.at('request')}.{error.field}".rstrip(".")
        reader.problems.add(path, error.code, found="a request outside its shape", allowed=error.detail)
        return TaskRequest(task="")


def _read_answer(reader: ObjectReader, decision_id: uuid.UUID) -> dict[str, Any]:
    """The answer is kept as it came. Checked is what the log and its pages rely on."""
    inner = reader.reader("answer")
    for key in _ANSWER_KEYS:
        inner.take(key)
    inner.close()
    if inner.text("id", max_length=36) != str(decision_id):
        inner.wrong(inner.at("id"), found=inner.take("id"), allowed="the id of the decision")
    inner.choice("backend", BACKENDS)
    inner.reader("task").text("id", max_length=64)
    privacy = inner.reader("privacy")
    privacy.choice("effect", tuple(Effect))
    privacy.choice("classification", tuple(Classification))
    inner.reader("policy").integer("revision", high=2**31 - 1)
    tokens = inner.reader("context")
    tokens.integer("total_tokens")
    tokens.optional_integer("limit_tokens")
    if inner.take("refusal", None) is not None:
        _read_refusal(inner.reader("refusal"))
    for key in ("reasons", "near_misses", "warnings", "alternatives", "obligations"):
        inner.readers(key, high=500)
    found = reader.take("answer")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _read_refusal(reader: ObjectReader) -> None:
    """An agent of another version may know other codes. Whole sentences would reach everybody's weekly summary."""
    code = reader.text("code", max_length=80)
    if code and not _CODE.fullmatch(code):
        reader.wrong(reader.at("code"), found="another text", allowed="a code such as blocked_by_rule")


def _read_time(reader: ObjectReader) -> datetime:
    found = reader.text("at", max_length=40)
    try:
        at = datetime.fromisoformat(found)
        if at.tzinfo is not None:
            # Fails for what no other zone has: the hours around the first and the last day of all.
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    reader.wrong(reader.at("at"), found=found, allowed="a time with its zone, such as 2026-11-25T09:30:00Z")
    return datetime(1970, 1, 1, tzinfo=UTC)


def _read_launched(reader: ObjectReader) -> dict[str, Any] | None:
    if reader.take("launched", None) is None:
        return None
    inner = reader.reader("launched")
    launched = {
        "client": inner.optional_text("client", max_length=40),
        "version": inner.optional_text("version", max_length=60),
        "backend": inner.optional_choice("backend", BACKENDS),
        "model": inner.optional_text("model"),
        "base_url_class": inner.optional_choice("base_url_class", BASE_URL_CLASSES),
        "profile": inner.optional_text("profile", max_length=40),
        "args_refused": _read_argument_names(inner),
    }
    inner.close()
    return launched


def _read_argument_names(reader: ObjectReader) -> list[str]:
    """Names such as `--settings`; `--settings=…` would carry a value and is refused."""
    names = reader.texts("args_refused", [], high=100, max_length=60)
    for index, name in enumerate(names):
        if not _ARGUMENT_NAME.fullmatch(name):
            allowed = "the name of an argument, without its value"
            reader.problems.add(
                f"{reader.at('args_refused')}[{index}]", "field.invalid", found="another text", allowed=allowed
            )
    return list(names)


def _read_check(reader: ObjectReader) -> dict[str, Any]:
    check = {
        "check": reader.text("check", max_length=60),
        "ok": reader.boolean("ok"),
        "code": reader.optional_text("code", max_length=80),
    }
    reader.close()
    return check
