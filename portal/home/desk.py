"""What waits for the admins, each with where to see to it, and the proof of work under NDA. Words and counts only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from machines.health.choices import MachineState
from machines.models import Machine
from portal.accounts.models import User
from routing.draft_models import PolicyDraft
from routing.engine.policy.values import Policy
from routing.inbox import count_waiting
from routing.log_counts import ProtectedWork, count_protected
from routing.projects import list_seen_projects
from routing.publishing import load_bundle

SPAN_DAYS = 7
NAMES_SHOWN = 3
TROUBLED = (MachineState.DEGRADED, MachineState.OFFLINE, MachineState.MISSING, MachineState.QUARANTINED)


@dataclass(frozen=True)
class Task:
    """One line: what waits, what it means, and the page on which somebody sees to it."""

    icon: str
    title: str
    meaning: str
    page: str
    action: str


@dataclass(frozen=True)
class Desk:
    tasks: Sequence[Task]
    protected: ProtectedWork
    # Auditors read what waits; it is not theirs to do.
    can_act: bool
    span_days: int = SPAN_DAYS


def find_desk(person: User, *, now: datetime) -> Desk | None:
    """None for those who do not read all. Eight queries, whatever waits."""
    if not person.can_read_all:
        return None
    tasks = list(_list_tasks(person, now=now))
    return Desk(tasks=tasks, protected=count_protected(since=_since(now)), can_act=person.is_admin)


def _since(now: datetime) -> datetime:
    return now - timedelta(days=SPAN_DAYS)


def _list_tasks(person: User, *, now: datetime) -> Iterator[Task]:
    policy = load_bundle().bundle.policy
    yield from _first_steps(person, policy)
    yield from _requests(person)
    yield from _projects(person, now=now)
    yield from _drafts()
    yield from _overdue_rules(policy, now)
    yield from _machines()


def _first_steps(person: User, policy: Policy) -> Iterator[Task]:
    """Of a new portal: until a team that works under NDA has said for whom, and until there is somebody else."""
    is_under_nda = policy.identified.is_restricting
    if is_under_nda and not any(rule.effect.is_restricting for rule in policy.privacy_rules):
        meaning = _("Until then every project is treated as the policy says for those without a class")
        yield Task("shield", _("No NDA rule is in force"), meaning, reverse("routing:rule-new"), _("Add an NDA rule"))
    if person.is_owner and not User.objects.exclude(pk=person.pk).exists():
        meaning = _("Developers register their own Macs and see their own decisions")
        yield Task("user", _("Nobody else has an account"), meaning, reverse("people"), _("Invite people"))


def _requests(person: User) -> Iterator[Task]:
    if count := count_waiting(person):
        title = ngettext("%(count)d request waits for an answer", "%(count)d requests wait for an answer", count)
        meaning = _("Developers asked to classify a project or for an exception")
        yield Task("user", title % {"count": count}, meaning, reverse("routing:requests"), _("Open the requests"))


def _projects(person: User, *, now: datetime) -> Iterator[Task]:
    seen = list_seen_projects(person, now=now, since=_since(now))
    if count := len([project for project in seen.unclassified if project.seen.remote]):
        title = ngettext("%(count)d project has no class", "%(count)d projects have no class", count)
        meaning = _("Seen in the last %(days)d days; the policy's answer for unclassified projects holds for them")
        page = reverse("routing:projects")
        yield Task("folder", title % {"count": count}, meaning % {"days": SPAN_DAYS}, page, _("Classify"))


def _drafts() -> Iterator[Task]:
    titles = PolicyDraft.objects.filter(state=PolicyDraft.State.WAITING).order_by("-at").values_list("title", flat=True)
    if count := titles.count():
        title = ngettext("%(count)d draft is not in force", "%(count)d drafts are not in force", count)
        page = f"{reverse('routing:rules')}#drafts"
        yield Task("publish", title % {"count": count}, _names(list(titles[:NAMES_SHOWN]), count), page, _("Review"))


def _overdue_rules(policy: Policy, now: datetime) -> Iterator[Task]:
    overdue = [rule.id for rule in policy.privacy_rules if rule.review_by and rule.review_by < now.date()]
    if count := len(overdue):
        title = ngettext("%(count)d rule is past its review", "%(count)d rules are past their review", count)
        meaning = _names(overdue[:NAMES_SHOWN], count)
        yield Task("shield", title % {"count": count}, meaning, reverse("routing:rules"), _("Review"))


def _machines() -> Iterator[Task]:
    machines = Machine.objects.filter(Q(state__in=TROUBLED) | Q(owner=None, state__in=_in_use())).order_by("name")
    if count := machines.count():
        title = ngettext("%(count)d Mac needs a look", "%(count)d Macs need a look", count)
        words = [f"{name} ({_trouble(state)})" for name, state in machines.values_list("name", "state")[:NAMES_SHOWN]]
        yield Task("machines", title % {"count": count}, _names(words, count), reverse("machines:list"), _("Show them"))


def _in_use() -> list[str]:
    return [state for state in MachineState.values if state not in (MachineState.PENDING, MachineState.RETIRED)]


def _trouble(state: str) -> str:
    return str(MachineState(state).label if state in TROUBLED else _("No owner"))


def _names(shown: Sequence[str], count: int) -> str:
    names = ", ".join(shown)
    rest = count - len(shown)
    return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", rest) % {
        "names": names, "count": rest,
    } if rest > 0 else names  # fmt: skip
