"""What the home page shows: today's figures, one's own Macs, the newest decisions, the tasks one can ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from machines.models import Machine, MachineQuerySet
from machines.queries import list_visible_machines
from portal.accounts.models import User
from routing.engine.effects import Effect
from routing.log_counts import AnswerCounts, count_answers
from routing.models import Decision
from routing.publishing import load_bundle
from routing.queries import list_decisions, list_recent_remotes

__all__ = ["Live", "get_live", "list_machines_to_ask_for", "list_recent_remotes", "list_task_choices"]

DECISIONS_SHOWN = 6
MACS_SHOWN = 12
# A list to choose from that is longer than this is no help; one's own Macs come first.
MACS_OFFERED = 100


@dataclass(frozen=True)
class DecisionLine:
    decision: Decision
    task_label: str

    @property
    def project(self) -> str:
        """The last part of the first remote: what people call the project."""
        return next((remote.rpartition("/")[2] for remote in self.decision.remote_list), "")

    @property
    def rule(self) -> str:
        """The first of the rules that kept it from the cloud."""
        is_restricted = self.decision.effect != Effect.CLOUD_OK
        return next(iter(self.decision.answer["privacy"]["rules"]), "") if is_restricted else ""

    @property
    def model(self) -> str:
        model = self.decision.answer.get("model")
        return model["name"] if model else ""


@dataclass(frozen=True)
class Live:
    """What moves while the page is open. `quota_left` is the least that one's Macs report, from 0 to 1."""

    today: date
    counts: AnswerCounts
    is_of_team: bool
    quota_left: float | None
    machines: Sequence[Machine]
    lines: Sequence[DecisionLine]

    @property
    def quota_percent(self) -> int | None:
        return None if self.quota_left is None else round(100 * self.quota_left)


def get_live(person: User, *, language: str, now: datetime) -> Live:
    """Seven queries, whatever there is to show."""
    # A category that was retired since keeps its slug.
    labels = dict(list_task_choices(language))
    today = timezone.localtime(now)
    decisions = list_decisions(person)[:DECISIONS_SHOWN]
    machines = list(_list_own_machines(person))
    return Live(
        today=today.date(),
        counts=count_answers(person, since=today.replace(hour=0, minute=0, second=0, microsecond=0)),
        is_of_team=person.can_read_all,
        quota_left=min((left for machine in machines if (left := _quota_left(machine)) is not None), default=None),
        machines=machines,
        lines=[DecisionLine(decision, labels.get(decision.task, decision.task)) for decision in decisions],
    )


def list_machines_to_ask_for(person: User) -> list[Machine]:
    """One's own first, then those of others that one may see."""
    visible = list_visible_machines(person).exclude(state="retired").defer("report")
    own = list(visible.filter(owner=person)[:MACS_OFFERED])
    others = visible.exclude(owner=person)[: MACS_OFFERED - len(own)] if person.can_read_all else ()
    return [*own, *others]


def list_task_choices(language: str) -> list[tuple[str, str]]:
    """Slug and label of the categories in force."""
    tasks = load_bundle().bundle.policy.tasks
    return [(task.id, task.label.in_language(language) or task.id) for task in tasks if not task.is_retired]


def _list_own_machines(person: User) -> MachineQuerySet:
    own = list_visible_machines(person).filter(owner=person).exclude(state="retired")
    return own.defer("report").prefetch_related("runtimes")[:MACS_SHOWN]


def _quota_left(machine: Machine) -> float | None:
    left = (machine.situation or {}).get("cloud_quota_left") if machine.is_in_touch else None
    return left if isinstance(left, int | float) else None
