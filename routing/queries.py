"""Reads of the decision log, and what a token may ask for."""

import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max
from django.shortcuts import get_object_or_404

from machines.models import Machine
from machines.queries import find_machine_of
from portal.accounts.models import ApiToken, User
from portal.common.problems import Problem
from routing.bundles import SignedBundle, get_current_bundle
from routing.log_filter import Cursor, LogFilter
from routing.models import Decision, DecisionQuerySet

__all__ = [
    "DECISIONS_COUNTED", "LogPage", "SeenRemote", "SignedBundle", "find_machine", "get_any_decision",
    "get_current_bundle", "get_decision", "get_log_page", "get_machine_to_ask_for", "list_all_decisions",
    "list_decisions", "list_recent_remotes", "list_seen_remotes",
]  # fmt: skip

PAGE = 50
# Of the newest decisions: enough to offer what somebody works on at present.
RECENT_DECISIONS = 200
# What repositories are counted over. A team of twenty fills it in some months.
DECISIONS_COUNTED = 20_000


@dataclass(frozen=True)
class LogPage:
    rows: list[Decision]
    has_newer: bool
    has_older: bool


@dataclass(frozen=True)
class SeenRemote:
    """A remote from the decision log, with how many decisions named it, by answer. Empty: those without a remote."""

    remote: str
    counts: Counter[str]
    last_at: datetime

    @property
    def decisions(self) -> int:
        return self.counts.total()

    @property
    def to_cloud(self) -> int:
        return self.counts["cloud"]


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
    return Machine.objects.select_related("health").filter(public_id=public_id).exclude(state="retired").first()


def list_decisions(user: User) -> DecisionQuerySet:
    """What the person may see of the log, newest first."""
    return list_all_decisions().visible_to(user)


def list_all_decisions() -> DecisionQuerySet:
    """For tokens with the scope to read: they see the whole team."""
    rows = Decision.objects.select_related("machine", "machine__owner", "asked_by").prefetch_related("receipts")
    # A Mac's last report is longer than all the rest of a row.
    return rows.defer("machine__report")


def get_log_page(user: User, wanted: LogFilter, *, older: Cursor | None, newer: Cursor | None) -> LogPage:
    """One page beside a cursor, or the newest one. Two queries: the rows and their receipts."""
    rows = list_decisions(user).matching(wanted)
    if older:
        found = list(rows.older_than(older)[: PAGE + 1])
        return LogPage(found[:PAGE], has_newer=True, has_older=len(found) > PAGE)
    if newer:
        found = list(rows.newer_than(newer)[: PAGE + 1])
        return LogPage(found[:PAGE][::-1], has_newer=len(found) > PAGE, has_older=True)
    found = list(rows[: PAGE + 1])
    return LogPage(found[:PAGE], has_newer=False, has_older=len(found) > PAGE)


def get_decision(user: User, decision_id: uuid.UUID) -> Decision:
    """Raises Http404 for a decision that is not there and for one that is not theirs to see alike."""
    return get_object_or_404(list_decisions(user), pk=decision_id)


def get_any_decision(decision_id: uuid.UUID) -> Decision:
    """For tokens with the scope to read. Raises Http404."""
    return get_object_or_404(list_all_decisions(), pk=decision_id)


def list_recent_remotes(user: User) -> list[str]:
    """What the person's newest decisions named, the newest first, each once. One query."""
    newest = Decision.objects.visible_to(user).values_list("remotes", flat=True)[:RECENT_DECISIONS]
    return [remote for remote in dict.fromkeys("\n".join(newest).split("\n")) if remote]


def list_seen_remotes(user: User | None = None, *, since: datetime | None = None) -> list[SeenRemote]:
    """Remotes of the log, busiest first; of the decisions that the person may see, or of all. Two queries.

    Counted over the newest decisions: no index can hold remotes, so a long log would be read whole.
    """
    rows = Decision.objects.visible_to(user) if user else Decision.objects.all()
    # By time alone, which the index holds.
    oldest = rows.order_by("-at").values_list("at", flat=True)[DECISIONS_COUNTED - 1 : DECISIONS_COUNTED].first()
    begin = max((moment for moment in (since, oldest) if moment), default=None)
    rows = rows.filter(at__gte=begin) if begin else rows
    groups = rows.order_by().values_list("remotes", "backend").annotate(count=Count("pk"), last_at=Max("at"))
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    last_at: dict[str, datetime] = {}
    for remotes, backend, count, latest in groups:
        for remote in remotes.split("\n"):
            counts[remote][backend] += count
            last_at[remote] = max(latest, last_at.get(remote, latest))
    seen = [SeenRemote(remote, counts=counts[remote], last_at=last_at[remote]) for remote in counts]
    return sorted(seen, key=lambda one: (-one.decisions, one.remote))
