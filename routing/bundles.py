"""Reading revisions and the signed bundle. Compiled once in each process, and again when the head moves."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from machines.catalogue.queries import current_text
from portal.common import clock
from portal.common.policy_head import get_head
from portal.common.problems import Problem
from portal.common.signing import public_key_base64, sign
from routing.engine.bundle import build_payload, parse_payload
from routing.engine.bundle_value import Bundle
from routing.engine.policy.document import parse_policy
from routing.engine.policy.values import Policy
from routing.models import PolicyRevision
from routing.shipped import client_prefixes, shipped_policy

# A bundle expires `policy_max_age_s` after its issue, so it is issued anew each hour (more often where its life
# is short). Its ETag holds for that long, in all processes alike.
ISSUE_EVERY_S = 3600
ISSUES_PER_LIFE = 20


@dataclass(frozen=True)
class SignedBundle:
    bundle: Bundle
    payload: bytes
    signature: str
    etag: str
    key_id: str


def find_current_bundle() -> SignedBundle | None:
    """The bundle in force; None before the first revision. One query, or two after a publish."""
    head = get_head()
    if head.revision == 0:
        return None
    key = _HeadKey(head.revision, head.epoch, head.digest, head.updated_at)
    every_s = min(ISSUE_EVERY_S, _compiled(key).policy.limits.policy_max_age_s // ISSUES_PER_LIFE)
    slot_s = int(clock.now().timestamp()) // every_s * every_s
    return _bundle_of(key, slot_s)


def get_current_bundle() -> SignedBundle:
    bundle = find_current_bundle()
    if bundle is None:
        raise Problem(503, "policy.missing", "No policy was published yet. Run: manage.py policy import FILE --publish")
    return bundle


def find_bundle_of_revision(number: int, *, epoch: int | None = None) -> Bundle | None:
    """The bundle as it was under that revision, for deciding an agent's decision again.

    None when it is not here, or when `epoch` says that the database which made it was replaced by a backup since: its
    number may then stand for another policy. One query, and two more after a restore.
    """
    columns = PolicyRevision.objects.values_list("epoch", "digest", "at")
    found = columns.filter(number=number).first()
    if found is None:
        return None
    own_epoch, digest, at = found
    if epoch not in (None, own_epoch) and epoch != _next_epoch(number):
        return None
    return _compile_past(_PastKey(number, digest, at))


def _next_epoch(number: int) -> int:
    """The epoch under which the revision stayed in force, if a backup was restored then; otherwise its own."""
    following = PolicyRevision.objects.filter(number=number + 1).values_list("epoch", flat=True).first()
    return get_head().epoch if following is None else following


def find_current_revision() -> PolicyRevision | None:
    """The one in force; None before the first. Two queries."""
    return PolicyRevision.objects.select_related("by").filter(number=get_head().revision).first()


def get_current_revision() -> PolicyRevision:
    revision = find_current_revision()
    if revision is None:
        raise Problem(503, "policy.missing", "No policy was published yet.")
    return revision


def get_current_document() -> dict[str, Any]:
    """The whole policy in force, as its file would say it."""
    return get_current_revision().parsed


def policy_of(revision: PolicyRevision) -> Policy:
    return parse_policy(json.loads(revision.document), shipped=shipped_policy())


def build_payload_of(
    revision: PolicyRevision,
    *,
    epoch: int,
    issued_at: datetime,
    catalogue: str | None = None,
    policy: Policy | None = None,
) -> bytes:
    """Made from these alone, so every process signs the same bytes. A past revision needs no catalogue."""
    return build_payload(
        revision=revision.number,
        epoch=epoch,
        issued_at=issued_at,
        policy=policy or policy_of(revision),
        client_prefixes=client_prefixes(),
        catalogue=catalogue,
    )


@dataclass(frozen=True)
class _HeadKey:
    """What the cache goes by: the head's row, so a publish is seen by every process with its next request."""

    revision: int
    epoch: int
    digest: str
    updated_at: datetime


@dataclass(frozen=True)
class _PastKey:
    number: int
    digest: str
    at: datetime


# Agents that were away send many receipts of a few revisions.
@lru_cache(maxsize=8)
def _compile_past(key: _PastKey) -> Bundle:
    revision = PolicyRevision.objects.get(number=key.number)
    return parse_payload(build_payload_of(revision, epoch=revision.epoch, issued_at=key.at))


class _Compiled(NamedTuple):
    revision: PolicyRevision
    policy: Policy


@lru_cache(maxsize=2)
def _compiled(key: _HeadKey) -> _Compiled:
    revision = PolicyRevision.objects.get(number=key.revision)
    return _Compiled(revision, policy_of(revision))


@lru_cache(maxsize=2)
def _bundle_of(key: _HeadKey, slot_s: int) -> SignedBundle:
    revision, policy = _compiled(key)
    issued_at = max(revision.at, datetime.fromtimestamp(slot_s, UTC))
    # The head's epoch, not the revision's: a restore raises it for the revision that is in force then.
    # A change of the catalogue touches the head, so this is of the same moment in every process.
    payload = build_payload_of(revision, epoch=key.epoch, issued_at=issued_at, catalogue=current_text(), policy=policy)
    public_key = public_key_base64()
    return SignedBundle(
        bundle=parse_payload(payload).indexed(),
        payload=payload,
        signature=sign(payload),
        etag=hashlib.sha256(payload).hexdigest(),
        key_id=hashlib.sha256(public_key.encode()).hexdigest()[:16],
    )


def forget_bundles() -> None:
    _compiled.cache_clear()
    _bundle_of.cache_clear()
    _compile_past.cache_clear()
