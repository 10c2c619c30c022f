"""The bundle: one revision of the policy with everything machine-independent that a decision needs.

The payload is canonical JSON; whoever carries it signs and checks its bytes (not here: the engine holds no keys).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from .bundle_value import Bundle
from .errors import BundleError, PolicyErrors, WireError
from .facts import time_text
from .policy.document import parse_policy, policy_document
from .policy.values import Policy
from .prefixes import parse_prefixes
from .reading import strict_json
from .reading.shapes import ObjectReader, read_whole
from .rules import PrivacyRules

BUNDLE_SCHEMA = 1
MAX_BUNDLE_BYTES = 16 * 1024 * 1024
NO_MODELS = '{"models": []}'


def build_payload(
    *,
    revision: int,
    epoch: int,
    issued_at: datetime,
    policy: Policy,
    client_prefixes: Mapping[str, object],
    catalogue: str | None = None,
) -> bytes:
    """The bytes to sign. `catalogue` is its JSON text: carried as a text, it costs nothing until somebody looks."""
    expires_at = issued_at + timedelta(seconds=policy.limits.policy_max_age_s)
    return strict_json.encode(
        {
            "schema": BUNDLE_SCHEMA,
            "revision": revision,
            "epoch": epoch,
            "issued_at": time_text(issued_at),
            "expires_at": time_text(expires_at),
            "policy": policy_document(policy),
            "client_prefixes": client_prefixes,
            **({} if catalogue is None else {"catalogue": catalogue}),
        }
    )


def parse_payload(payload: bytes) -> Bundle:
    """The bundle in the bytes. Raises BundleError; whether the bytes are authentic was checked before."""
    try:
        document = strict_json.parse(payload, max_bytes=MAX_BUNDLE_BYTES)
    except WireError as error:
        raise BundleError(
            code="bundle.unreadable", detail=f"The policy bundle cannot be read: {error.detail}"
        ) from error
    if isinstance(document, dict) and document.get("schema") != BUNDLE_SCHEMA:
        raise BundleError(
            code="bundle.version_unknown",
            detail=f"The policy bundle has version {document.get('schema')!r}; this engine reads {BUNDLE_SCHEMA}. "
            "Upgrade kirikae.",
        )
    try:
        bundle, problems = read_whole(document, _read_bundle)
    except PolicyErrors as error:
        raise BundleError(
            code="bundle.policy_invalid", detail=f"The policy bundle is invalid: {error.detail}"
        ) from error
    if problems:
        raise BundleError(code="bundle.invalid", detail=f"The policy bundle is invalid: {problems[0].detail}")
    return bundle


def _read_bundle(reader: ObjectReader) -> Bundle:
    reader.take("schema")
    policy = parse_policy(reader.take("policy"), shipped={}, is_lenient=True)
    return Bundle(
        revision=reader.integer("revision", low=1),
        epoch=reader.integer("epoch", low=1),
        issued_at=_time(reader, "issued_at"),
        expires_at=_time(reader, "expires_at"),
        policy=policy,
        prefixes=parse_prefixes(reader.reader("client_prefixes")),
        catalogue_text=_catalogue_text(reader),
        rules=PrivacyRules.of(policy),
    )


def _catalogue_text(reader: ObjectReader) -> str:
    """Without one (a portal that is older than this engine) models are known by their reports alone."""
    if reader.take("catalogue", None) is None:
        return NO_MODELS
    return reader.text("catalogue", max_length=MAX_BUNDLE_BYTES)


def _time(reader: ObjectReader, key: str) -> datetime:
    found = reader.text(key, max_length=40)
    try:
        time = datetime.fromisoformat(found)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    reader.wrong(key, found=found, allowed="a time with its zone")
    return datetime(1970, 1, 1, tzinfo=UTC)
