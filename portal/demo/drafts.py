"""The demo's drafts: one that became the rule of a later client, one for each thing that can be seen of a draft.

Each function stands at its own time.
"""

from datetime import timedelta
from typing import Any

from portal.common import clock
from portal.demo import inbox
from portal.demo.work import Team
from routing.drafts import discard_draft, publish_draft, save_draft
from routing.rules import draft_new_rule

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


def save_before_the_later_client(team: Team) -> None:
    """The policy then moves on, so this draft shows that it can be published no more."""
    draft_new_rule(rule=_OLD, by=team.people["sato"])


def publish_later_rule(team: Team, *, rule: Document) -> None:
    """The lead asked in the morning, and the policy admin prepared it; the owner publishes it."""
    now = clock.now()
    asked = inbox.ask(team, inbox.NEW_CLIENT, at=now - inbox.WAITED)
    with clock.standing_at(now - timedelta(hours=2)):
        draft = draft_new_rule(rule=rule, by=team.people["tanaka"], request=asked)
    publish_draft(public_id=draft.public_id, by=team.people["sato"])


def discard_too_open(team: Team) -> None:
    """One that was not wanted."""
    draft = save_draft(change=_opened, title="unclassified → cloud", by=team.people["sato"])
    with clock.standing_at(clock.now() + timedelta(hours=4)):
        discard_draft(public_id=draft.public_id, by=team.people["tanaka"])


def save_for_a_request(team: Team) -> None:
    """It waits for the client's signature, and so does who asked for it."""
    asked = inbox.ask(team, inbox.IOS, at=clock.now() - inbox.WAITED)
    draft_new_rule(rule=_WAITING, by=team.people["tanaka"], request=asked)


def _opened(document: Document) -> Document:
    return {**document, "unclassified": {**document["unclassified"], "identified": "cloud_ok"}}
