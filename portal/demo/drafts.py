"""The demo's drafts: one that became the rule of a later client, one for each thing that can be seen of a draft."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.accounts.models import User
from portal.common import clock
from routing.drafts import discard_draft, publish_draft, save_draft
from routing.rules import draft_new_rule

OLD_DAYS_AGO, TOO_OPEN_DAYS_AGO, WAITING_DAYS_AGO = 30, 12, 5

type People = Mapping[str, User]
type Document = dict[str, Any]

_OLD: Document = {
    "id": "nda-hokuto-labeler",
    "effect": "local_only",
    "match": {"remotes": ["git.hokuto.example/ml/**"]},
    "reason": {"en": "Talks with Hokuto Medical", "ja": "北斗メディカルと商談中"},
    "owner": "Aoi Sato (demo)",
}
_WAITING: Document = {
    "id": "internal-minato-ios",
    "effect": "org_only",
    "match": {"remotes": ["github.com/minato/dispatch-ios"]},
    "reason": {"en": "The client asks for our own machines", "ja": "顧客が社内の機器での作業を希望"},
    "owner": "Haruka Tanaka (demo)",
    "review_by": "2030-03-31",
}


def save_before_the_later_client(people: People, *, now: datetime) -> None:
    """The policy then moves on, so this draft shows that it can be published no more."""
    with clock.standing_at(now - timedelta(days=OLD_DAYS_AGO)):
        draft_new_rule(rule=_OLD, by=people["sato"])


def publish_later_rule(people: People, *, rule: Document, at: datetime) -> None:
    """The policy admin prepares it on the evening before; the owner publishes it."""
    with clock.standing_at(at - timedelta(hours=15)):
        draft = draft_new_rule(rule=rule, by=people["tanaka"])
    with clock.standing_at(at):
        publish_draft(public_id=draft.public_id, by=people["sato"])


def save_of_late(people: People, *, now: datetime) -> None:
    """One that was not wanted, and one that waits for the client's signature."""
    at = now - timedelta(days=TOO_OPEN_DAYS_AGO)
    with clock.standing_at(at):
        draft = save_draft(change=_opened, title="unclassified → cloud", by=people["sato"])
    with clock.standing_at(at + timedelta(hours=20)):
        discard_draft(public_id=draft.public_id, by=people["tanaka"])
    with clock.standing_at(now - timedelta(days=WAITING_DAYS_AGO)):
        draft_new_rule(rule=_WAITING, by=people["tanaka"])


def _opened(document: Document) -> Document:
    return {**document, "unclassified": {**document["unclassified"], "identified": "cloud_ok"}}
