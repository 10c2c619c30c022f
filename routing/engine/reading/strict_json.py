"""JSON text to plain values and back, without the surprises that the standard parser allows.

Refused: duplicate keys, NUL and lone surrogates, NaN and infinities, numbers too long to be meant, nesting over 32.
"""

import json
import re

from ..errors import WireError

MAX_DEPTH = 32
_MAX_NUMBER_CHARACTERS = 32
# Compiled when first used: most documents have too few brackets to be counted.
_STRING = r'(?s)"(?:[^"\\]|\\.)*"'
_BRACKET = r"[][{}]"


def parse(body: bytes, *, max_bytes: int) -> object:
    """The value that the UTF-8 text holds. Raises WireError."""
    if len(body) > max_bytes:
        raise WireError(
            code="request.too_large",
            detail=f"The body has {len(body)} bytes; at most {max_bytes} are taken.",
        )
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise WireError(code="json.not_utf8", detail=f"The body is not UTF-8 from byte {error.start} on.") from error
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_bounded_int,
            parse_float=_bounded_float,
        )
    except json.JSONDecodeError as error:
        raise WireError(
            code="json.malformed",
            detail=f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
        ) from error
    if "\\u" in text or "\x00" in text:
        _check_characters(value)
    return value


def encode(document: object) -> bytes:
    """Canonical bytes: keys sorted, no spaces, UTF-8. Equal documents give equal bytes."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _check_depth(text: str) -> None:
    """Counts brackets outside strings before the recursive parser sees them."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in re.findall(_BRACKET, re.sub(_STRING, "", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise WireError(code="json.too_deep", detail=f"The body nests deeper than {MAX_DEPTH} levels.")


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise WireError(code="json.duplicate_key", detail=f"The key {key[:60]!r} stands twice in one object.")
        seen.add(key)
    raise AssertionError("a shorter dict has a duplicate key")


def _refuse_constant(name: str) -> None:
    raise WireError(code="json.not_a_number", detail=f"{name} is not JSON.")


def _bounded_int(text: str) -> int:
    if len(text) > _MAX_NUMBER_CHARACTERS:
        raise WireError(code="json.number_too_long", detail=f"A number has {len(text)} characters.")
    return int(text)


def _bounded_float(text: str) -> float:
    value = float(text) if len(text) <= _MAX_NUMBER_CHARACTERS else float("inf")
    if value in (float("inf"), float("-inf")):
        raise WireError(code="json.number_too_long", detail="A number is too large or has too many digits.")
    return value


def _check_characters(value: object) -> None:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            pending += current.keys()
            pending += current.values()
        elif isinstance(current, list):
            pending += current
        elif isinstance(current, str) and has_refused_character(current):
            raise WireError(code="json.refused_character", detail="A text holds NUL or half of a surrogate pair.")


def has_refused_character(text: str) -> bool:
    """NUL, or half of a surrogate pair: what PostgreSQL does not store and UTF-8 cannot carry."""
    return "\x00" in text or (not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text))
