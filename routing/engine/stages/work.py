"""What has to be done, with everything that stages 2 to 6 need for it; and a thing that speaks against a candidate."""

from ..answer import Data, Remedy
from ..effects import Classification, Effect
from ..facts import RuntimeKind
from ..named_tuple import NamedTuple
from ..policy.protected_folders import ProtectedFolders
from ..policy.values import Limits, ModelRules, Moment, Override, TaskCategory
from ..prefixes import ClientPrefixes, PrefixProfile
from ..request import Client

# What a task with a low tolerance of waiting asks for.
LOW_LATENCY_S = 10.0
RUNTIME_NAMES = {
    RuntimeKind.OLLAMA: "Ollama",
    RuntimeKind.LM_STUDIO: "LM Studio",
    RuntimeKind.LLAMA_CPP: "llama.cpp",
    RuntimeKind.MLX_LM: "mlx_lm",
    RuntimeKind.OMLX: "oMLX",
    RuntimeKind.OPENAI_COMPATIBLE: "The OpenAI-compatible server",
}


class Limit(NamedTuple):
    """One thing that speaks against a candidate."""

    code: str
    is_hard: bool
    data: Data
    remedy: Remedy | None = None


class Permission(NamedTuple):
    """What the privacy stage says of the whole request. `blocker` is the reason's code that closes the cloud."""

    effect: Effect
    classification: Classification
    blocker: str | None
    # Model rules of the policy and of every matched privacy rule: all must permit.
    model_rules: tuple[ModelRules, ...]

    @property
    def is_protected(self) -> bool:
        return self.effect.is_restricting


class Circumstances(NamedTuple):
    """What the asking process knows beside the machine's facts."""

    are_facts_old: bool = False
    machine_state: str | None = None
    groups: tuple[str, ...] | None = None
    # None where no override asks for it, or the organisation's zone is not known here.
    moment: Moment | None = None


class Work(NamedTuple):
    """What has to be done. Equal works on equal machines have equal outcomes, whoever asks and from which project.

    So nothing of a project's signals stands here but what the privacy stage made of them, and no time but `moment`.
    """

    task: TaskCategory
    permission: Permission
    client: Client | None
    context_tokens: int
    # None: as the task has it.
    parallel_agents: int | None
    needs: tuple[str, ...]
    is_offline: bool
    asked_deadline_s: float | None
    circumstances: Circumstances
    limits: Limits
    overrides: tuple[Override, ...]
    prefixes: ClientPrefixes
    catalogue_text: str
    protected_folders: ProtectedFolders

    @property
    def is_protected(self) -> bool:
        return self.permission.effect.is_restricting

    @property
    def deadline_s(self) -> float | None:
        """How long the first token may take: as asked, else as the task's latency axis lets it; None: any time."""
        if self.asked_deadline_s is not None:
            return self.asked_deadline_s
        return {"low": LOW_LATENCY_S, "medium": self.limits.first_token_s}.get(self.task.axes.latency)

    def profiles(self) -> tuple[PrefixProfile, ...]:
        return (PrefixProfile.HARDENED,) if self.is_protected else (PrefixProfile.FULL, PrefixProfile.SLIM)

    def total_tokens(self, profile: PrefixProfile) -> int:
        return self.context_tokens + self.prefixes.tokens(self.client, profile)

    @property
    def asked_agents(self) -> int:
        return self.parallel_agents if self.parallel_agents is not None else self.task.parallel_agents

    @property
    def agents(self) -> int:
        """How many conversations run at once. Protected work is planned with one."""
        return 1 if self.is_protected else max(self.asked_agents, 1)
