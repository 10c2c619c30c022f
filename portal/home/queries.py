"""What the home page shows: one's own Macs, the newest decisions, the tasks one can ask for."""

from collections.abc import Sequence
from dataclasses import dataclass

from machines.models import Machine, MachineQuerySet
from machines.queries import list_visible_machines
from portal.accounts.models import User
from routing.inbox import count_waiting
from routing.models import Decision
from routing.publishing import load_bundle
from routing.queries import list_decisions

DECISIONS_SHOWN = 6


@dataclass(frozen=True)
class DecisionLine:
    decision: Decision
    task_label: str


@dataclass(frozen=True)
class Overview:
    machines: Sequence[Machine]
    lines: Sequence[DecisionLine]
    waiting_requests: int


def get_overview(person: User, *, language: str) -> Overview:
    labels = dict(list_task_choices(language))
    decisions = list_decisions(person)[:DECISIONS_SHOWN]
    return Overview(
        machines=list(list_machines_to_ask_for(person).filter(owner=person)),
        # A category that was retired since keeps its slug.
        waiting_requests=count_waiting(person),
        lines=[DecisionLine(decision, labels.get(decision.task, decision.task)) for decision in decisions],
    )


def list_machines_to_ask_for(person: User) -> MachineQuerySet:
    return list_visible_machines(person).exclude(state="retired")


def list_task_choices(language: str) -> list[tuple[str, str]]:
    """Slug and label of the categories in force."""
    tasks = load_bundle().bundle.policy.tasks
    return [(task.id, task.label.in_language(language) or task.id) for task in tasks if not task.is_retired]
