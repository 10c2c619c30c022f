"""Changing single privacy rules: each change is a revision of the whole policy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import Http404

from portal.accounts.models import User
from portal.audit.queries import data_of
from routing.draft_models import PolicyDraft
from routing.drafts import save_draft
from routing.inbox_models import PolicyRequest
from routing.models import PolicyRevision
from routing.policy_changes import PolicyChanges
from routing.publishing import change_policy, load_document
from routing.revisions import list_revisions

type Document = dict[str, Any]
HISTORY = 30


@dataclass(frozen=True)
class HistoryEntry:
    revision: PolicyRevision
    # None where the log says nothing of it.
    changes: PolicyChanges | None


def list_rules(user: User) -> list[Document]:
    """The rules in force. Who does not read all is not shown the confidential ones."""
    rules: list[Document] = load_document()["privacy_rules"]
    return [rule for rule in rules if user.can_read_all or not rule.get("confidential")]


def find_rules(user: User, wanted: str) -> list[Document]:
    """Those of `list_rules` whose code, name or pattern has the text; all for an empty one."""
    text = wanted.casefold()
    return [rule for rule in list_rules(user) if any(text in word.casefold() for word in _words_of(rule))]


def _words_of(rule: Document) -> list[str]:
    names = [name for name in (rule.get("name") or {}).values() if name]
    return [rule["id"], *names, *(pattern for patterns in rule["match"].values() for pattern in patterns)]


def initial_rule(*, remote: str, effect: str) -> Document:
    """What the form starts with for a repository that was seen: the admin decides, the pattern is there.

    A Mac said what it is called: a star in it would make a pattern for other repositories.
    """
    remote = "" if "*" in remote else remote
    return {"code": suggest_code(remote), "remotes": remote, "effect": effect or "local_only"}


def suggest_code(remote: str) -> str:
    name = remote.rpartition("/")[2].lower()
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name).strip("-")


def get_rule(code: str) -> Document:
    rules: list[Document] = load_document()["privacy_rules"]
    found = next((rule for rule in rules if rule["id"] == code), None)
    if found is None:
        raise Http404
    return found


@transaction.atomic
def add_rule(*, rule: Document, by: User) -> PolicyRevision:
    """Raises PolicyErrors; the new rule is the last one."""
    return change_policy(change=_adding(rule), by=by, note="")


@transaction.atomic
def replace_rule(*, rule: Document, by: User) -> PolicyRevision:
    """The rule of the same code takes the new content. Raises PolicyErrors."""
    return change_policy(change=_replacing(rule), by=by, note="")


def draft_new_rule(*, rule: Document, by: User, request: PolicyRequest | None = None) -> PolicyDraft:
    """As `add_rule`, but it waits, and answers then. Raises PolicyErrors and DraftRefusedError."""
    return save_draft(change=_adding(rule), title=rule["id"], by=by, request=request)


def draft_changed_rule(*, rule: Document, by: User) -> PolicyDraft:
    """As `replace_rule`, but it waits. Raises PolicyErrors and DraftRefusedError."""
    return save_draft(change=_replacing(rule), title=rule["id"], by=by)


@transaction.atomic
def remove_rule(*, code: str, by: User) -> PolicyRevision:
    """Raises PolicyErrors when an exception still names the rule."""

    def change(document: Document) -> Document:
        return _with_rules(document, [one for one in document["privacy_rules"] if one["id"] != code])

    return change_policy(change=change, by=by, note="")


def path_of_rule(code: str | None) -> str:
    """Where the engine's problems place the rule: its own place, or the one behind the last."""
    rules = load_document()["privacy_rules"]
    codes = [rule["id"] for rule in rules]
    return f"privacy_rules[{codes.index(code) if code in codes else len(codes)}]"


def list_history() -> list[HistoryEntry]:
    """The newest revisions, each with what it changed. Two queries.

    What it changed stands in the audit log since it was published; the policies themselves may be large.
    """
    revisions = list(list_revisions()[:HISTORY])
    told = data_of("revision.published", subjects=[revision.public_id for revision in revisions])
    return [
        HistoryEntry(one, PolicyChanges.of_data(told[one.public_id]) if one.public_id in told else None)
        for one in revisions
    ]


def _adding(rule: Document) -> Callable[[Document], Document]:
    return lambda document: _with_rules(document, [*document["privacy_rules"], rule])


def _replacing(rule: Document) -> Callable[[Document], Document]:
    def change(document: Document) -> Document:
        return _with_rules(document, [rule if one["id"] == rule["id"] else one for one in document["privacy_rules"]])

    return change


def _with_rules(document: Document, rules: list[Document]) -> Document:
    return {**document, "privacy_rules": rules}
