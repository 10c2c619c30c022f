"""Exceptions to privacy rules: which rules hold a repository back, and adding and removing one as a revision."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.http import Http404

from portal.accounts.models import User
from routing.draft_models import PolicyDraft
from routing.drafts import save_draft
from routing.engine.matching.rule_matching import RestrictingMatch
from routing.engine.matching.signals import read_signals
from routing.inbox_models import PolicyRequest
from routing.models import PolicyRevision
from routing.projects import project_of
from routing.publishing import change_policy, load_bundle, load_document
from routing.rules import list_rules

type Document = dict[str, Any]


def list_exceptions(person: User) -> list[Document]:
    """Those in the policy in force, of the rules that this person is shown."""
    shown = {rule["id"] for rule in list_rules(person)}
    exceptions: list[Document] = load_document()["exceptions"]
    return [one for one in exceptions if one["rule"] in shown]


def list_holding(remotes: Iterable[str]) -> list[str]:
    """Codes of the restricting rules that hit one of these repositories."""
    signals = [read_signals(project_of(remote)) for remote in remotes]
    restricting = (rule for rule in load_bundle().bundle.policy.privacy_rules if rule.effect.is_restricting)
    matches = ((rule.id, RestrictingMatch(rule.match)) for rule in restricting)
    return [code for code, match in matches if any(match.hits(one) for one in signals)]


@transaction.atomic
def add_exception(*, exception: Document, by: User) -> PolicyRevision:
    """Raises PolicyErrors."""
    return change_policy(change=_adding(exception), by=by, note="")


def draft_exception(*, exception: Document, by: User, request: PolicyRequest | None = None) -> PolicyDraft:
    """As `add_exception`, but it waits, and answers then. Raises PolicyErrors and DraftRefusedError."""
    return save_draft(change=_adding(exception), title=exception["id"], by=by, request=request)


@transaction.atomic
def remove_exception(*, code: str, by: User) -> PolicyRevision:
    """Raises Http404 and PolicyErrors."""

    def change(document: Document) -> Document:
        kept = [one for one in document["exceptions"] if one["id"] != code]
        if len(kept) == len(document["exceptions"]):
            raise Http404
        return {**document, "exceptions": kept}

    return change_policy(change=change, by=by, note="")


def path_of_new_exception() -> str:
    """Where the engine's problems place it."""
    return f"exceptions[{len(load_document()['exceptions'])}]"


def _adding(exception: Document) -> Callable[[Document], Document]:
    return lambda document: {**document, "exceptions": [*document["exceptions"], exception]}
