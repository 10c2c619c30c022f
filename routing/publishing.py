"""Publishing: a policy document becomes the next revision, in force everywhere with the next request."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction

from portal.accounts.models import User
from portal.audit.services import PORTAL, actor_of, record
from portal.common import clock
from portal.common.models import PolicyHead
from routing import bundles
from routing.engine.policy.document import parse_policy, policy_document
from routing.engine.policy.values import Policy
from routing.engine.wire import encode
from routing.models import PolicyRevision
from routing.policy_changes import describe_changes
from routing.shipped import shipped_policy

type Document = dict[str, Any]


@transaction.atomic
def publish_revision(*, document: object, by: User | None, actor: str = "", note: str = "") -> PolicyRevision:
    """The document becomes the next revision, in force with the next request. Raises PolicyErrors."""
    return _publish(lock_head(), document=document, by=by, actor=actor, note=note)


@transaction.atomic
def change_policy(*, change: Callable[[Document], Document], by: User, note: str) -> PolicyRevision:
    """Publish what `change` makes of the policy in force. The lock comes first: no change of another is lost."""
    head = lock_head()
    return _publish(head, document=change(bundles.get_current_document()), by=by, actor="", note=note)


@transaction.atomic
def ensure_first_revision() -> PolicyRevision | None:
    """The shipped policy as revision 1, when nothing was published yet."""
    head = lock_head()
    if head.revision:
        return None
    return _publish(head, document={"version": 1}, by=None, actor=PORTAL, note="")


def load_bundle() -> bundles.SignedBundle:
    """The bundle in force; publishes the shipped policy when there is none yet."""
    bundle = bundles.find_current_bundle()
    if bundle is None:
        ensure_first_revision()
        bundle = bundles.get_current_bundle()
    return bundle


def load_document() -> Document:
    """The whole policy in force; publishes the shipped one when there is none yet."""
    return load_revision().parsed


def load_revision() -> PolicyRevision:
    """The revision in force; publishes the shipped policy when there is none yet. Two queries."""
    revision = bundles.find_current_revision()
    if revision is None:
        ensure_first_revision()
        revision = bundles.get_current_revision()
    return revision


def canonical_text(document: object) -> str:
    """The whole policy as revisions and drafts keep it. Raises PolicyErrors."""
    return encode(policy_document(read_policy(document))).decode()


def read_policy(document: object) -> Policy:
    """The whole policy, judged as strictly as for publishing. Raises PolicyErrors."""
    return parse_policy(document, shipped=shipped_policy(), known_zones=_known_zones())


@cache
def _known_zones() -> frozenset[str]:
    """Empty where the machine has no list of time zones."""
    return frozenset(available_timezones())


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def lock_head() -> PolicyHead:
    """The one row of the head, locked until the end of the transaction (SQLite: the transaction itself is)."""
    head, _made = PolicyHead.objects.select_for_update().get_or_create(pk=1)
    return head


def _publish(head: PolicyHead, *, document: object, by: User | None, actor: str, note: str) -> PolicyRevision:
    text = canonical_text(document)
    before = bundles.get_current_document() if head.revision else {}
    revision = PolicyRevision.objects.create(
        number=head.revision + 1,
        epoch=head.epoch,
        document=text,
        digest=digest_of(text),
        by=by,
        actor=actor_of(by, actor),
        at=_whole_seconds(clock.now()),
        note=note,
    )
    head.revision, head.digest = revision.number, revision.digest
    head.time_zone = revision.parsed["organisation"]["time_zone"]
    head.model_rules = revision.parsed.get("models", {})
    head.save()
    changes = describe_changes(before, revision.parsed)
    record(by=by, actor=actor, action="revision.published", subject=revision, data={"note": note, **changes.as_data()})
    return revision


def _whole_seconds(moment: datetime) -> datetime:
    """The bundle tells its time of issue in seconds; the row must not say another one."""
    return moment.replace(microsecond=0)
