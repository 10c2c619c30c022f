"""Reads of the decision log, and what a token may ask for."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404

from machines.models import Machine
from machines.queries import find_machine_of
from portal.accounts.models import ApiToken, User
from portal.common.problems import Problem
from routing.bundles import SignedBundle, get_current_bundle
from routing.models import Decision, DecisionQuerySet

__all__ = [
    "SeenRemote", "SignedBundle", "find_machine", "get_current_bundle", "get_decision", "get_machine_to_ask_for",
    "list_decisions", "list_seen_remotes", "remotes_of",
]  # fmt: skip

# How far back the page of rules looks for remotes that people really work on.
SEEN_DECISIONS = 2000


@dataclass(frozen=True)
class SeenRemote:
    """A remote from the decision log; `decisions` and `to_cloud` count the decisions that named it."""

    remote: str
    decisions: int
    to_cloud: int
    last_at: datetime


def get_machine_to_ask_for(token: ApiToken, *, asked: str | None) -> Machine | None:
    """The machine that a decision is about; None for a service token that names none.

    Raises Problem: a machine may ask for itself alone, and a service only for a machine that exists.
    """
    own = find_machine_of(token)
    if own is not None:
        if asked not in (None, own.public_id):
            raise Problem(403, "machine.not_yours", "A machine may ask only for itself.", "machine")
        return own
    if asked is None:
        return None
    machine = find_machine(asked)
    if machine is None:
        raise Problem(404, "machine.unknown", f"There is no machine '{asked}' in use.", "machine")
    return machine


def find_machine(public_id: str) -> Machine | None:
    """A machine in use; a retired one is none."""
    return Machine.objects.filter(public_id=public_id).exclude(state="retired").first()


def list_decisions(user: User, *, backend: str = "", task: str = "") -> DecisionQuerySet:
    decisions = Decision.objects.visible_to(user).select_related("machine", "machine__owner", "asked_by")
    if backend:
        decisions = decisions.filter(backend=backend)
    if task:
        decisions = decisions.filter(task=task)
    return decisions.prefetch_related("receipts")


def get_decision(user: User, decision_id: uuid.UUID) -> Decision:
    """Raises Http404 for a decision that is not there and for one that is not theirs to see alike."""
    return get_object_or_404(list_decisions(user), pk=decision_id)


def list_seen_remotes() -> list[SeenRemote]:
    """Remotes of the newest decisions, busiest first. One query."""
    rows = Decision.objects.order_by("-at").values_list("request", "backend", "at")[:SEEN_DECISIONS]
    decisions: Counter[str] = Counter()
    to_cloud: Counter[str] = Counter()
    last_at: dict[str, datetime] = {}
    for request, backend, at in rows:
        for remote in remotes_of(request):
            decisions[remote] += 1
            to_cloud[remote] += backend == "cloud"
            last_at.setdefault(remote, at)
    return [
        SeenRemote(remote=remote, decisions=count, to_cloud=to_cloud[remote], last_at=last_at[remote])
        for remote, count in decisions.most_common()
    ]


def remotes_of(request: Mapping[str, Any]) -> list[str]:
    """The remotes of a logged request, each once."""
    found = [remote for project in request.get("projects") or [] for remote in project.get("remotes") or []]
    return list(dict.fromkeys(found))
