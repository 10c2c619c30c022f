"""Which local models can do the task here, and what speaks against each: hard limits remove, soft ones warn.

Every removal carries a code, its data and a remedy. Protected work never meets a model that may run elsewhere.
"""

from collections.abc import Callable, Iterator
from math import isfinite
from typing import NamedTuple
from urllib.parse import urlsplit

from . import fit, globs
from .answer import Data, Expected, Remedy
from .facts import MachineFacts, MemoryPressure, ModelFacts, RuntimeFacts, RuntimeKind, RuntimeState, Situation
from .identity import fold
from .policy import ModelRules, OnBattery, Policy, TaskCategory, Tier
from .prefixes import ClientPrefixes, PrefixProfile
from .request import Client, ClientName, TaskRequest

# What a task with a low tolerance of waiting asks for.
LOW_LATENCY_S = 10.0
_LOOPBACK_NAMES = ("localhost", "::1")
_OCTETS = frozenset(map(str, range(256)))
# No backslash, no user, no space: clients of other languages would look for the host elsewhere.
_URL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]")
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


class Candidate(NamedTuple):
    """One local model with its limits, and how much of the client's own prompt it can carry."""

    runtime: RuntimeFacts
    model: ModelFacts
    profile: PrefixProfile
    total_tokens: int
    limit_tokens: int
    limit_by: str
    expected: Expected
    limits: tuple[Limit, ...]
    notes: tuple[Limit, ...]

    @property
    def is_possible(self) -> bool:
        return not any(limit.is_hard for limit in self.limits)

    @property
    def soft_limits(self) -> tuple[Limit, ...]:
        return tuple(limit for limit in self.limits if not limit.is_hard)

    @property
    def tier(self) -> Tier:
        # Ratings come with the model catalogue; until a model is in it, it counts as basic.
        return Tier.BASIC

    @property
    def wait_s(self) -> float | None:
        """The upper end of the predicted wait for the first token."""
        return self.expected.first_token_s[1] if self.expected.first_token_s else None


def list_candidates(work: Work, facts: MachineFacts) -> list[Candidate]:
    return [
        _judge(work, facts, runtime, model)
        for runtime in facts.runtimes
        if runtime.state is RuntimeState.UP
        for model in runtime.models
    ]


def list_runtime_limits(facts: MachineFacts) -> list[Limit]:
    """What keeps whole runtimes from being candidates."""
    if not facts.runtimes:
        return [Limit("runtime_absent", True, {}, Remedy("install_runtime"))]
    limits = []
    for runtime in facts.runtimes:
        data = {"runtime": RUNTIME_NAMES[runtime.kind]}
        if runtime.state is RuntimeState.DOWN:
            limits.append(Limit("runtime_down", True, data, Remedy("start_runtime", data=data)))
        elif runtime.state is RuntimeState.LOADING:
            limits.append(Limit("runtime_loading", True, data, Remedy("wait_for_runtime", data=data)))
        elif runtime.state is RuntimeState.BROKEN:
            why = data | {"why": runtime.reason or "unknown"}
            limits.append(Limit("runtime_broken", True, why, Remedy("start_runtime", data=data)))
        elif not runtime.models:
            limits.append(Limit("model_absent", True, data, Remedy("install_model", data=data)))
    return limits


def is_loopback(base_url: str) -> bool:
    """Whether the address can only be this machine. An odd address, which two programs may read differently, is not."""
    if not set(base_url) <= _URL_CHARACTERS:
        return False
    try:
        address = urlsplit(base_url)
        host = (address.hostname or "").lower()
    except ValueError:
        return False
    if address.scheme not in ("http", "https"):
        return False
    if host in _LOOPBACK_NAMES:
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part in _OCTETS for part in parts)


def _judge(work: Work, facts: MachineFacts, runtime: RuntimeFacts, model: ModelFacts) -> Candidate:
    limit_tokens, limit_by = _context_limit(work, model)
    look = _fitting_look(work, facts, runtime, model, limit_tokens=limit_tokens)
    return Candidate(
        runtime=runtime,
        model=model,
        profile=look.profile,
        total_tokens=look.total_tokens,
        limit_tokens=limit_tokens,
        limit_by=limit_by,
        expected=look.expected,
        limits=tuple(limit for check in _CHECKS for limit in check(look)),
        notes=tuple(_notes(look)),
    )


def _context_limit(work: Work, model: ModelFacts) -> tuple[int, str]:
    """The smallest limit, and whose it is; of equal ones the organisation's."""
    limits = [(work.policy.limits.local_context_tokens, "org")]
    if model.max_context_tokens is not None:
        limits.append((model.max_context_tokens, "model"))
    if model.effective_context_tokens is not None:
        limits.append((model.effective_context_tokens, "runtime"))
    return min(limits, key=lambda limit: limit[0])


class _Look(NamedTuple):
    """One candidate as the checks see it."""

    work: Work
    facts: MachineFacts
    runtime: RuntimeFacts
    model: ModelFacts
    profile: PrefixProfile
    total_tokens: int
    expected: Expected

    def data(self, **more: object) -> dict[str, object]:
        return {"model": self.model.name, "runtime": RUNTIME_NAMES[self.runtime.kind], **more}


def _fitting_look(
    work: Work, facts: MachineFacts, runtime: RuntimeFacts, model: ModelFacts, *, limit_tokens: int
) -> _Look:
    """The first profile whose prompt fits and is read in time, else the smallest one."""
    for profile in work.profiles():
        total = work.total_tokens(profile)
        expected = fit.expected_speed(facts, runtime, model, total_tokens=total)
        look = _Look(work, facts, runtime, model, profile, total, expected)
        wait_s, deadline_s = expected.first_token_s, work.deadline_s
        if total <= limit_tokens and (wait_s is None or deadline_s is None or wait_s[1] <= deadline_s):
            break
    return look


def _origin(look: _Look) -> Iterator[Limit]:
    remedy = Remedy("use_local_runtime")
    if not is_loopback(look.runtime.base_url):
        yield Limit("runtime_not_on_this_machine", True, look.data(), remedy)
    elif look.model.is_remote or _is_cloud_model(look):
        yield Limit("model_remote", True, look.data(), remedy)
    elif look.model.is_remote is None or look.runtime.kind is RuntimeKind.OPENAI_COMPATIBLE:
        yield Limit("model_origin_unknown", True, look.data(), remedy)


def _is_cloud_model(look: _Look) -> bool:
    """Ollama runs models with such a tag at its maker's, behind the same loopback address, whatever a report says."""
    tag = look.model.name.lower().rpartition(":")[2]
    return look.runtime.kind is RuntimeKind.OLLAMA and (tag == "cloud" or tag.endswith("-cloud"))


def _permission(look: _Look) -> Iterator[Limit]:
    name = fold(look.model.name)
    for rules in look.work.model_rules:
        is_allowed = not rules.allow or any(globs.matches_segment(fold(one), name) for one in rules.allow)
        if not is_allowed or any(globs.matches_segment(fold(one), name) for one in rules.deny):
            yield Limit("model_denied", True, look.data(), Remedy("choose_model"))
            return


def _protocol(look: _Look) -> Iterator[Limit]:
    client = look.work.client
    if client is not None and client.name is ClientName.CLAUDE and look.runtime.has_messages_api is False:
        yield Limit("runtime_lacks_messages_api", True, look.data(), Remedy("install_runtime"))


def _memory(look: _Look) -> Iterator[Limit]:
    needed, limit = fit.needed_bytes(look.model), fit.memory_limit_bytes(look.facts.hardware)
    if look.model.is_loaded or needed is None or limit is None or needed <= limit:
        return
    remedy = Remedy("free_memory", data={"missing_bytes": needed - limit})
    yield Limit("memory_too_small", True, look.data(needed_bytes=needed, limit_bytes=limit), remedy)


def _context(look: _Look) -> Iterator[Limit]:
    total, model = look.total_tokens, look.model
    raise_it = Remedy("raise_context", data=look.data(total_tokens=total))
    shorten = Remedy("shorten_context", data={"total_tokens": total})
    if model.max_context_tokens is not None and total > model.max_context_tokens:
        data = look.data(total_tokens=total, limit_tokens=model.max_context_tokens)
        yield Limit("context_over_model", True, data, shorten)
    elif model.effective_context_tokens is not None and total > model.effective_context_tokens:
        data = look.data(total_tokens=total, limit_tokens=model.effective_context_tokens)
        yield Limit("context_over_runtime", True, data, raise_it)
    limit = look.work.policy.limits.local_context_tokens
    if total > limit:
        yield Limit("context_over_org_limit", False, look.data(total_tokens=total, limit_tokens=limit), shorten)


def _needs(look: _Look) -> Iterator[Limit]:
    has = {"tools": _has_tools(look), "vision": look.model.has_vision}
    for need in look.work.needs:
        if has.get(need) is False:
            yield Limit("need_missing", True, look.data(need=need), Remedy("choose_model"))
    if "tools" in look.work.needs and has["tools"] is None:
        yield Limit("tools_unknown", False, look.data(), Remedy("measure_speed", command="kirikae bench"))


def _has_tools(look: _Look) -> bool | None:
    """What was tried with this version of the runtime beats what is said of the model."""
    checks = look.model.checks
    if checks is None or checks.can_call_tools is None or checks.runtime_version != look.runtime.version:
        return look.model.has_tools
    return checks.can_call_tools


def _deadline(look: _Look) -> Iterator[Limit]:
    deadline_s, first_token_s = look.work.asked_deadline_s, look.expected.first_token_s
    if deadline_s is None or first_token_s is None or first_token_s[1] <= deadline_s:
        return
    data = look.data(first_token_s=first_token_s[1], deadline_s=deadline_s)
    yield Limit("deadline_missed", False, data, Remedy("choose_model"))


def _machine_state(look: _Look) -> Iterator[Limit]:
    state, limits = look.facts.state, look.work.policy.limits
    if (state.is_on_battery or state.is_low_power) and limits.on_battery is not OnBattery.ALLOW:
        yield Limit("on_battery", limits.on_battery is OnBattery.NEVER, {}, Remedy("plug_in"))
    if state.memory_pressure in (MemoryPressure.WARNING, MemoryPressure.CRITICAL):
        yield Limit("memory_pressure", False, {"level": str(state.memory_pressure)})
    age_s = look.work.situation.facts_age_s
    if age_s is not None and age_s > limits.facts_max_age_s:
        yield Limit(
            "facts_old", False, {"limit_s": limits.facts_max_age_s}, Remedy("measure_speed", command="kirikae report")
        )


def _quality(look: _Look) -> Iterator[Limit]:
    # Ratings come with the model catalogue; an unrated model counts as basic.
    tiers, minimum = list(Tier), look.work.task.min_quality
    if tiers.index(Tier.BASIC) < tiers.index(minimum):
        data = look.data(tier=str(Tier.BASIC), minimum=str(minimum))
        yield Limit("quality_below_minimum", False, data, Remedy("choose_model"))


_CHECKS: tuple[Callable[[_Look], Iterator[Limit]], ...] = (
    _origin, _permission, _protocol, _memory, _context, _needs, _deadline, _quality, _machine_state,
)  # fmt: skip


def _notes(look: _Look) -> Iterator[Limit]:
    """What is not known, said when the candidate is taken all the same."""
    if look.model.effective_context_tokens is None:
        yield Limit("context_unknown", False, look.data())
    if look.model.size_bytes is None and not look.model.is_loaded:
        yield Limit("size_unknown", False, look.data())
    deadline_s = look.work.asked_deadline_s
    if deadline_s is not None and look.expected.first_token_s is None:
        yield Limit("deadline_unknown", False, look.data(deadline_s=deadline_s))
