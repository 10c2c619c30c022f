"""The policy as values: what a policy document holds after it was read. Reading and writing: `document`."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from math import inf

from ..effects import Effect
from ..identity import fold
from ..matching import globs
from ..named_tuple import NamedTuple
from ..request import Project

AXES = ("reasoning", "privacy", "latency", "cost")
LEVELS = ("low", "medium", "high")
# The keys of `match`; what loosens may use remotes alone.
SIGNAL_KEYS = ("remotes", "root_commits", "markers", "paths", "labels")
LOOSENING_KEYS = ("remotes",)


class Preference(StrEnum):
    CLOUD = "cloud"
    LOCAL = "local"
    EITHER = "either"


class Tier(StrEnum):
    """Declared weakest first; `min_quality` compares by this order."""

    BASIC = "basic"
    GOOD = "good"
    STRONG = "strong"


TIERS = tuple(Tier)


class OnBattery(StrEnum):
    ALLOW = "allow"
    AVOID = "avoid"
    NEVER = "never"


class LocalText(NamedTuple):
    en: str
    ja: str

    def in_language(self, language: str) -> str:
        """The text in that language, else in the other one."""
        return (self.ja or self.en) if language == "ja" else (self.en or self.ja)


NO_TEXT = LocalText("", "")


class Limits(NamedTuple):
    local_context_tokens: int
    first_token_s: float
    policy_refresh_s: int
    policy_max_age_s: int
    facts_max_age_s: int
    on_battery: OnBattery


class Recommendation(NamedTuple):
    """Models for machines from `from_gb` of memory (as Macs are sold: 2^30 bytes) to below `below_gb`; None: no end."""

    models: tuple[str, ...]
    from_gb: int = 0
    below_gb: int | None = None

    def is_for(self, memory_bytes: int | None) -> bool:
        """An unknown memory gets only what every machine gets."""
        if memory_bytes is None:
            return self.from_gb == 0 and self.below_gb is None
        return self.from_gb <= memory_bytes / 2**30 < (self.below_gb or inf)


class ModelRules(NamedTuple):
    """Globs over canonical model names; an empty `allow` allows all."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    recommended: tuple[str, ...] = ()
    recommended_by_memory: tuple[Recommendation, ...] = ()

    def recommended_for(self, memory_bytes: int | None) -> tuple[str, ...]:
        by_memory = [name for one in self.recommended_by_memory if one.is_for(memory_bytes) for name in one.models]
        return (*self.recommended, *by_memory)

    def forbidding(self, name: str) -> str | None:
        """Why the model may not run: the pattern of `deny`, or `allow` where that names others. None: it may."""
        if not self.allow and not self.deny:
            return None
        folded = fold(name)
        if self.allow and not any(globs.matches_segment(fold(one), folded) for one in self.allow):
            return "allow"
        return next((one for one in self.deny if globs.matches_segment(fold(one), folded)), None)

    def forbidding_any(self, *names: str) -> str | None:
        """The same of a model that goes by several names: one forbidden name is enough, and one allowed one."""
        found = [self.forbidding(name) for name in names]
        denying = next((one for one in found if one not in (None, "allow")), None)
        return denying or (found[0] if None not in found else None)


class Match(NamedTuple):
    """Patterns by signal, as written."""

    remotes: tuple[str, ...] = ()
    root_commits: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class PrivacyRule(NamedTuple):
    id: str
    effect: Effect
    match: Match
    name: LocalText = NO_TEXT
    is_confidential: bool = False
    may_have_exceptions: bool = True
    models: ModelRules = ModelRules()
    reason: LocalText = NO_TEXT
    owner: str = ""
    # Past it a restricting rule stays in force and is shown as overdue.
    review_by: date | None = None
    # The last day on which a `cloud_ok` rule holds.
    expires: date | None = None
    # False when this engine does not know its effect, a match key or a pattern: it then matches everything.
    can_be_evaluated: bool = True


class PrivacyException(NamedTuple):
    """Replaces the effect of one rule for projects whose every remote it matches, until the end of `expires`."""

    id: str
    rule: str
    remotes: tuple[str, ...]
    effect: Effect
    expires: date
    machines: tuple[str, ...] = ()
    owner: str = ""
    reason: LocalText = NO_TEXT


class Axes(NamedTuple):
    reasoning: str
    privacy: str
    latency: str
    cost: str


class TaskCategory(NamedTuple):
    id: str
    label: LocalText
    preference: Preference
    floor: Effect | None
    implies_offline: bool
    axes: Axes
    needs: tuple[str, ...]
    min_quality: Tier
    parallel_agents: int
    is_retired: bool
    reason: LocalText


class When(NamedTuple):
    """The condition of an override; None and empty mean "not asked"."""

    tasks: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    cloud_quota_below: float | None = None
    cloud_available: bool | None = None
    on_battery: bool | None = None
    low_power: bool | None = None
    memory_pressure_at_least: str | None = None
    machine_state: tuple[str, ...] = ()
    context_over_tokens: int | None = None
    time: "DayTime | None" = None


class DayTime(NamedTuple):
    """`start` and `end` are minutes of the day in the organisation's zone; `end` before `start` runs over midnight."""

    start: int
    end: int
    days: tuple[str, ...]


class Moment(NamedTuple):
    """A time in the organisation's zone: the day of the week from Monday, 0, and the minute of the day."""

    weekday: int
    minute: int


class Override(NamedTuple):
    id: str
    when: When
    prefer: Preference


class PolicyCase(NamedTuple):
    """An expectation stored with the policy; `expect` holds the one key `backend`, `not`, `effect` or `reason`."""

    name: str
    task: str
    projects: tuple[Project, ...] | None
    machine: str
    is_offline: bool
    expect: tuple[str, str]


class Policy(NamedTuple):
    organisation_name: str
    time_zone: str
    identified: Effect
    anonymous: Effect
    default_task: str
    limits: Limits
    models: ModelRules
    privacy_rules: Sequence[PrivacyRule]
    exceptions: Sequence[PrivacyException]
    tasks: tuple[TaskCategory, ...]
    overrides: tuple[Override, ...]
    cases: tuple[PolicyCase, ...]

    def find_task(self, slug: str) -> TaskCategory | None:
        for task in self.tasks:
            if task.id == slug:
                return task
        return None
