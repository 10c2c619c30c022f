"""Saving, publishing and discarding drafts of the policy, and which of them wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit.services import actor_of, record
from portal.common import clock
from portal.common.policy_head import get_head
from routing.closed_requests import close_request
from routing.draft_models import TITLE_LENGTH, PolicyDraft
from routing.inbox_models import PolicyRequest
from routing.models import PolicyRevision
from routing.policy_changes import PolicyChanges, describe_changes
from routing.publishing import (
    canonical_text,
    digest_of,
    ensure_first_revision,
    load_document,
    lock_head,
    publish_revision,
)

type Document = dict[str, Any]

State = PolicyDraft.State


class DraftRefusedError(Exception):
    """The sentence for whoever wanted something of a draft."""


@dataclass(frozen=True)
class WaitingDraft:
    """`changes` is what publishing would change; `meanwhile` what changed since it was saved, None if nothing was."""

    draft: PolicyDraft
    changes: PolicyChanges
    meanwhile: PolicyChanges | None


@transaction.atomic
def save_draft(
    *,
    change: Callable[[Document], Document],
    title: str,
    by: User | None,
    actor: str = "",
    note: str = "",
    request: PolicyRequest | None = None,
) -> PolicyDraft:
    """What `change` makes of the policy in force waits for an admin. Raises PolicyErrors and DraftRefusedError.

    `request`: what a developer asked for, to be answered when the draft is published.
    """
    ensure_first_revision()
    # Locked, so that the base is the revision that `change` was given.
    head = lock_head()
    current = load_document()
    text = canonical_text(change(current))
    digest = digest_of(text)
    if digest == head.digest:
        raise DraftRefusedError(_("Nothing differs from the policy in force, so there is nothing to save."))
    draft = PolicyDraft.objects.create(
        title=title[:TITLE_LENGTH],
        note=note,
        document=text,
        digest=digest,
        base_revision=head.revision,
        by=by,
        actor=actor_of(by, actor),
        at=clock.now(),
        request=request,
    )
    changes = describe_changes(current, draft.parsed)
    data = {"title": draft.title, "base_revision": draft.base_revision, "digest": digest, **changes.as_data()}
    record(by=by, actor=actor, action="draft.saved", subject=draft, data=data)
    return draft


@transaction.atomic
def publish_draft(*, public_id: str, by: User) -> PolicyRevision:
    """The draft becomes the next revision, and who asked for it is told. Raises DraftRefusedError when the policy has
    moved on meanwhile.
    """
    # Before the head, as whoever answers the request without a draft takes the two: neither then waits for the other.
    asked = _lock_asked(public_id)
    # Before the draft, so that no revision comes between the look at the base and the publishing.
    head = lock_head()
    draft = _lock_waiting(public_id)
    if draft.base_revision != head.revision:
        raise DraftRefusedError(_outdated(draft))
    revision = publish_revision(document=draft.parsed, by=by, note=draft.note or draft.title)
    _close(draft, State.PUBLISHED)
    record(by=by, action="draft.published", subject=draft, data={"revision": revision.number, "digest": draft.digest})
    if asked is not None and asked.state == PolicyRequest.State.OPEN:
        close_request(asked, PolicyRequest.State.ANSWERED, by=by, revision=revision.number)
    return revision


@transaction.atomic
def discard_draft(*, public_id: str, by: User) -> PolicyDraft:
    """It is kept for the record and offered no more. Raises DraftRefusedError."""
    draft = _lock_waiting(public_id)
    _close(draft, State.DISCARDED)
    record(by=by, action="draft.discarded", subject=draft, data={"title": draft.title})
    return draft


def waiting_drafts() -> QuerySet[PolicyDraft]:
    """Newest first."""
    return PolicyDraft.objects.filter(state=State.WAITING).select_related("by", "request__machine")


def list_waiting_drafts() -> list[WaitingDraft]:
    """All of them, newest first. One query when none waits, otherwise three."""
    return describe_drafts(list(waiting_drafts()))


def describe_drafts(drafts: Sequence[PolicyDraft]) -> list[WaitingDraft]:
    """What each would change. No query for none, otherwise two."""
    if not drafts:
        return []
    current = get_head().revision
    numbers = {current, *(draft.base_revision for draft in drafts)}
    documents = {row.number: row.parsed for row in PolicyRevision.objects.filter(number__in=numbers)}
    return [
        WaitingDraft(
            draft,
            changes=describe_changes(documents[draft.base_revision], draft.parsed),
            meanwhile=None
            if draft.base_revision == current
            else describe_changes(documents[draft.base_revision], documents[current]),
        )
        for draft in drafts
    ]


def _lock_waiting(public_id: str) -> PolicyDraft:
    """Raises Http404 for a draft that never was."""
    draft = get_object_or_404(PolicyDraft.objects.select_for_update(), public_id=public_id)
    if draft.state == State.PUBLISHED:
        raise DraftRefusedError(_("This draft was published already; the revisions below name it."))
    if draft.state == State.DISCARDED:
        raise DraftRefusedError(_("This draft was discarded already. Save the change again if it is still wanted."))
    return draft


def _lock_asked(public_id: str) -> PolicyRequest | None:
    asked = PolicyDraft.objects.filter(public_id=public_id).values("request")
    return PolicyRequest.objects.lock().filter(pk__in=asked).first()


def _close(draft: PolicyDraft, state: State) -> None:
    draft.state, draft.closed_at = state, clock.now()
    draft.save(update_fields=["state", "closed_at"])


def _outdated(draft: PolicyDraft) -> str:
    base = PolicyRevision.objects.get(number=draft.base_revision)
    changes = describe_changes(base.parsed, load_document())
    return _(
        "The policy has changed since this draft was saved from r%(base)s: %(changes)s. Nothing was published. "
        "Make the change again from the policy in force, and discard this draft."
    ) % {"base": draft.base_revision, "changes": changes.in_words()}
