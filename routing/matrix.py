"""The task matrix as people read it: the categories in force, by what the team prefers for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from routing.engine.policy.values import LEVELS, Policy, Preference, TaskCategory
from routing.wording import EFFECTS

# Preference, name, the longer title over its rows, icon.
GROUPS = (
    (Preference.CLOUD, _("Cloud first"), _("Cloud first"), "cloud"),
    (Preference.EITHER, _("Either"), _("Either: wait and context decide"), "either"),
    (Preference.LOCAL, _("Local first"), _("Local first"), "laptop"),
)
LEVEL_WORDS = {"low": _("low"), "medium": _("medium"), "high": _("high")}


@dataclass(frozen=True)
class Level:
    """A level of an axis; `steps` says for each bar of its mark whether it is filled."""

    name: str

    @property
    def words(self) -> Any:
        return LEVEL_WORDS[self.name]

    @property
    def steps(self) -> list[bool]:
        return [index <= LEVELS.index(self.name) for index in range(len(LEVELS))]


@dataclass(frozen=True)
class MatrixRow:
    task: TaskCategory
    label: str
    reason: str
    floor: Any

    @property
    def levels(self) -> list[Level]:
        axes = self.task.axes
        return [Level(axes.reasoning), Level(axes.privacy), Level(axes.latency), Level(axes.cost)]


@dataclass(frozen=True)
class MatrixGroup:
    name: Any
    title: Any
    icon: str
    rows: Sequence[MatrixRow]


def list_groups(policy: Policy, *, language: str) -> list[MatrixGroup]:
    """The categories by preference, in the policy's own order; retired ones are left out."""
    tasks = [task for task in policy.tasks if not task.is_retired]
    return [
        MatrixGroup(name, title, icon, [_row(task, language) for task in tasks if task.preference is preference])
        for preference, name, title, icon in GROUPS
    ]


def list_task_labels(policy: Policy, *, language: str) -> list[tuple[str, str]]:
    """Slug and label of every category, the retired ones too: the log still names them."""
    return [(task.id, task.label.in_language(language) or task.id) for task in policy.tasks]


def _row(task: TaskCategory, language: str) -> MatrixRow:
    return MatrixRow(
        task=task,
        label=task.label.in_language(language) or task.id,
        reason=task.reason.in_language(language),
        floor=EFFECTS[task.floor] if task.floor else None,
    )
