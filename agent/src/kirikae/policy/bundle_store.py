"""The policy bundle on this machine: verified when it is taken in, checked against its digest when it is used.

`bundle.json` names the payload by its SHA-256 and is replaced in one step. Beside the payload lies its compiled form,
behind a SHA-256 of its own; a version that finds none that it can use makes it anew. `seen.json` keeps the newest time
and the highest revision ever seen, which a bundle may not go below, and whether the portal has taken the policy back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from kirikae.digest import sha256_hex
from kirikae.engine.bundle_value import Bundle
from kirikae.engine.compiled import dump_compiled, load_compiled
from kirikae.engine.errors import BundleError
from kirikae.engine.named_tuple import NamedTuple
from kirikae.errors import NoPolicyError, PortalError, PreflightError
from kirikae.home import Enrolment, Home
from kirikae.moments import find_moment, write_moment

POINTER, SEEN = "bundle.json", "seen.json"
DIGEST_CHARACTERS = 64
# Clocks of machine and portal differ by seconds; beyond this one was set wrong.
TOLERANCE = timedelta(minutes=5)
# By these the portal says that this machine has no part in its policy, now or any more.
WITHDRAWING = frozenset({"machine.quarantined", "token.expired", "token.no_machine", "token.revoked", "token.unknown"})


class StoredBundle(NamedTuple):
    """`checked_at`: when the portal last said that this is the current one; None right after odd edits.

    `is_withdrawn`: since then it said that this machine is to go by none. `is_older`: a newer one was seen; one from a
    backup of the folder, or of somebody who liked it better.
    """

    bundle: Bundle
    etag: str | None
    checked_at: datetime | None
    newest_time: datetime | None
    is_withdrawn: bool = False
    is_older: bool = False


def load_bundle(home: Home) -> StoredBundle:
    """Raises NoPolicyError."""
    # Before the bundle: of another process that takes in a newer one meanwhile nothing makes this one look fresh.
    seen = home.read_json(SEEN)
    digest, etag, payload = _find_payload(home)
    bundle = _kept.get(digest) or _load_compiled(home, digest) or _compile(home, digest, payload)
    return StoredBundle(
        bundle=bundle,
        etag=etag if isinstance(etag, str) else None,
        checked_at=find_moment(seen.get("checked_at")),
        newest_time=find_moment(seen.get("newest_time")),
        is_withdrawn=bool(seen.get("withdrawn")),
        is_older=bundle.order < (_highest_seen(seen) or bundle.order),
    )


def _find_payload(home: Home) -> tuple[str, object, bytes]:
    """Digest, ETag and content. Raises NoPolicyError."""
    pointer = home.read_json(POINTER)
    while True:
        digest = pointer.get("sha256")
        if not isinstance(digest, str) or not digest.isalnum():
            raise NoPolicyError("bundle.missing")
        payload = home.read_bytes(f"bundles/{digest}.json")
        if payload is not None and sha256_hex(payload) == digest:
            return digest, pointer.get("etag"), payload
        # That process takes away what was named a moment ago.
        before, pointer = pointer, home.read_json(POINTER)
        if pointer == before:
            raise NoPolicyError("bundle.damaged", path=home.path)


def note_refusal(home: Home, code: object) -> None:
    """What the portal refused this machine with. Until it confirms a policy again, none opens anything here."""
    if code in WITHDRAWING:
        with home.alone(SEEN):
            home.write_json(SEEN, home.read_json(SEEN) | {"withdrawn": code})


def mark_time(home: Home, *, at: datetime) -> None:
    """Only the newest time seen; it says nothing about the policy. Where it cannot be kept, an answer does without."""
    with suppress(PreflightError), home.alone(SEEN):
        seen = home.read_json(SEEN)
        newest = max(at, find_moment(seen.get("newest_time")) or at)
        home.write_json(SEEN, seen | {"newest_time": write_moment(newest)})


def compile_bundle(home: Home) -> None:
    """For a process that goes on deciding: parses and indexes the bundle in force once. Raises NoPolicyError."""
    _kept.clear()
    from kirikae.engine.fit.catalogue import catalogue_of  # noqa: PLC0415 - one decision seldom needs it

    bundle = load_bundle(home).bundle.indexed()
    # Read by the first decision otherwise, which is each fork's.
    _ = bundle.rules.zone
    catalogue_of(bundle.catalogue_text).prepare()
    _kept[str(home.read_json(POINTER).get("sha256"))] = bundle


def bundle_stamp(home: Home) -> tuple[int, int] | None:
    """Changes whenever another bundle was taken in."""
    try:
        about = (home.path / POINTER).stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


# In the memory of a process that goes on deciding, by digest, which is compared with the file at each use all the same.
_kept: dict[str, Bundle] = {}


def _load_compiled(home: Home, digest: str) -> Bundle | None:
    """None when another version compiled it, or when it is not what was written: the payload is read then."""
    kept = home.read_bytes(f"bundles/{digest}.compiled") or b""
    written, content = kept[:DIGEST_CHARACTERS], kept[DIGEST_CHARACTERS:]
    return load_compiled(content) if sha256_hex(content).encode() == written else None


def _compile(home: Home, digest: str, payload: bytes) -> Bundle:
    """Once after an upgrade: reading the payload takes 40 ms of each launch."""
    from kirikae.engine.bundle import parse_payload  # noqa: PLC0415 - the compiled form does without the readers

    try:
        bundle = parse_payload(payload)
    except BundleError as error:
        raise NoPolicyError("bundle.damaged", path=home.path) from error
    with suppress(PreflightError):
        _keep_compiled(home, digest, bundle)
    return bundle


def _keep_compiled(home: Home, digest: str, bundle: Bundle) -> None:
    """One file: of two processes that write it at once, either leaves a whole one. Raises PreflightError."""
    content = dump_compiled(bundle)
    home.write(f"bundles/{digest}.compiled", sha256_hex(content).encode() + content)


def accept_bundle(
    home: Home,
    document: Mapping[str, object],
    *,
    enrolment: Enrolment,
    etag: str,
    at: datetime,
    portal_date: str | None = None,
) -> Bundle:
    """Takes in what the portal sent. Raises PortalError and keeps the last good bundle when anything is wrong."""
    from kirikae.engine.bundle import parse_payload  # noqa: PLC0415 - as above

    payload = _verified_payload(document, enrolment=enrolment)
    try:
        bundle = parse_payload(payload)
    except BundleError as error:
        raise PortalError("bundle.unreadable", detail=error.detail) from error
    digest = sha256_hex(payload)
    # All of it: a process with a newer one may have passed this one since they asked the portal.
    with home.alone(SEEN):
        _refuse_older(home, bundle)
        home.write(f"bundles/{digest}.json", payload)
        _keep_compiled(home, digest, bundle)
        home.write_json(POINTER, {"sha256": digest, "etag": etag, "key_id": document.get("key_id")})
        _note_checked(home, bundle, at=at, portal_date=portal_date)
        _forget_others(home, digest)
    return bundle


def mark_checked(home: Home, bundle: Bundle, *, at: datetime, portal_date: str | None = None) -> None:
    """Time and revision only go up: a clock set back does not make an old policy fresh.

    Where the portal's own clock (`portal_date`, of its answer) agrees with this one, a later time that was seen came
    from a clock that went ahead, and is forgotten: nothing would be fresh before that time otherwise.
    """
    with home.alone(SEEN):
        _note_checked(home, bundle, at=at, portal_date=portal_date)


def _note_checked(home: Home, bundle: Bundle, *, at: datetime, portal_date: str | None) -> None:
    seen = home.read_json(SEEN)
    before = find_moment(seen.get("newest_time"))
    if before is not None and before > at + TOLERANCE and _is_now(portal_date, at):
        before = None
    known = [at, bundle.issued_at, before]
    newest = max(moment for moment in known if moment is not None)
    # Another process may have taken in a newer one meanwhile.
    epoch, revision = max(bundle.order, _highest_seen(seen) or bundle.order)
    moment = write_moment(newest)
    home.write_json(SEEN, {"checked_at": moment, "newest_time": moment, "epoch": epoch, "revision": revision})


def _is_now(date: str | None, at: datetime) -> bool:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 10 ms that clocks in order do without

    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return False
    return told.tzinfo is not None and abs(told - at) < TOLERANCE


def _verified_payload(document: Mapping[str, object], *, enrolment: Enrolment) -> bytes:
    # 40 ms of import that only a changed bundle pays.
    import base64  # noqa: PLC0415

    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    payload, signature = document.get("payload"), document.get("signature")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(enrolment.signing_key, validate=True))
        content = str(payload).encode()
        key.verify(base64.b64decode(str(signature), validate=True), content)
    except (ValueError, InvalidSignature) as error:
        raise PortalError("bundle.bad_signature", url=enrolment.portal_url) from error
    return content


def _refuse_older(home: Home, bundle: Bundle) -> None:
    highest = _highest_seen(home.read_json(SEEN))
    if highest is not None and bundle.order < highest:
        raise PortalError("bundle.older", revision=bundle.revision, kept=highest[1])


def _highest_seen(seen: Mapping[str, object]) -> tuple[int, int] | None:
    epoch, revision = seen.get("epoch"), seen.get("revision")
    return (epoch, revision) if isinstance(epoch, int) and isinstance(revision, int) else None


def _forget_others(home: Home, digest: str) -> None:
    folder = home.path / "bundles"
    for file in (*folder.glob("*.json"), *folder.glob("*.compiled")):
        if file.stem != digest:
            file.unlink(missing_ok=True)
