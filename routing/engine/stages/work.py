"""What has to be done, with everything that judging a candidate for it needs; and a thing that speaks against one."""

from math import isfinite
from typing import NamedTuple

from ..answer import Data, Remedy
from ..facts import RuntimeKind, Situation
from ..fit.catalogue import Catalogue
from ..policy.values import ModelRules, Policy, TaskCategory
from ..prefixes import ClientPrefixes, PrefixProfile
from ..request import Client, TaskRequest

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


class Work(NamedTuple):
    """What has to be done, with everything that judging a candidate needs."""

    request: TaskRequest
    task: TaskCategory
    policy: Policy
    prefixes: ClientPrefixes
    catalogue: Catalogue
    is_protected: bool
    # Model rules of the policy and of every matched privacy rule: all must permit.
    model_rules: tuple[ModelRules, ...]
    needs: tuple[str, ...]
    situation: Situation

    @property
    def client(self) -> Client | None:
        return self.request.client

    @property
    def asked_deadline_s(self) -> float | None:
        """As asked; a figure that is none asks for nothing."""
        asked = self.request.deadline_s
        return asked if asked is not None and isfinite(asked) else None

    @property
    def deadline_s(self) -> float | None:
        """How long the first token may take: as asked, else as the task's latency axis lets it; None: any time."""
        if self.asked_deadline_s is not None:
            return self.asked_deadline_s
        return {"low": LOW_LATENCY_S, "medium": self.policy.limits.first_token_s}.get(self.task.axes.latency)

    def profiles(self) -> tuple[PrefixProfile, ...]:
        return (PrefixProfile.HARDENED,) if self.is_protected else (PrefixProfile.FULL, PrefixProfile.SLIM)

    def total_tokens(self, profile: PrefixProfile) -> int:
        return max(self.request.context_tokens, 0) + self.prefixes.tokens(self.client, profile)

    @property
    def agents(self) -> int:
        """How many conversations run at once. Protected work is planned with one."""
        asked = self.request.parallel_agents
        return 1 if self.is_protected else max(asked if asked is not None else self.task.parallel_agents, 1)
