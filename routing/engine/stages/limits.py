"""What can speak against one local model: the checks, hard and soft, and what is said when a thing is not known."""

from collections.abc import Callable, Iterator

from ..answer import Remedy
from ..facts import MachineFacts, MemoryPressure, ModelFacts, RuntimeFacts, RuntimeKind
from ..named_tuple import NamedTuple
from ..policy.values import TIERS, OnBattery
from ..prefixes import PrefixProfile
from ..reading.model_checks import ModelChecks
from ..request import ClientName
from .loopback import is_loopback
from .work import RUNTIME_NAMES, Limit, Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fit.candidate import CandidateFit
    from ..fit.estimate import Estimate


class Look(NamedTuple):
    """One candidate as the checks see it."""

    work: Work
    facts: MachineFacts
    runtime: RuntimeFacts
    model: ModelFacts
    profile: PrefixProfile
    total_tokens: int
    fit: "CandidateFit"
    estimate: "Estimate"

    @property
    def first_token_s(self) -> tuple[float, float] | None:
        return self.estimate.first_token_s

    @property
    def checks(self) -> ModelChecks | None:
        """What was found out with this version of the runtime; of another version it says nothing."""
        checks = self.model.checks
        return checks if checks is not None and checks.runtime_version == self.runtime.version else None

    def data(self, **more: object) -> dict[str, object]:
        return {"model": self.model.name, "runtime": RUNTIME_NAMES[self.runtime.kind], **more}


def _presence(look: Look) -> Iterator[Limit]:
    """By the portal's word. A machine that asks for itself is there: then the portal says so."""
    state = look.work.circumstances.machine_state
    if state == "asleep":
        yield Limit("machine_asleep", True, {}, Remedy("wake_machine"))
    elif state in ("offline", "missing"):
        yield Limit("machine_away", True, {}, Remedy("wake_machine"))


def _origin(look: Look) -> Iterator[Limit]:
    if not is_loopback(look.runtime.base_url):
        code = "runtime_not_on_this_machine"
    elif look.model.is_remote or _is_cloud_model(look):
        code = "model_remote"
    elif look.model.is_remote is None or look.runtime.kind is RuntimeKind.OPENAI_COMPATIBLE:
        code = "model_origin_unknown"
    else:
        return
    yield Limit(code, True, look.data(), Remedy("use_local_runtime"))


def _is_cloud_model(look: Look) -> bool:
    """Ollama runs models with such a tag at its maker's, behind the same loopback address, whatever a report says."""
    if look.runtime.kind is not RuntimeKind.OLLAMA:
        return False
    tag = look.model.name.lower().rpartition(":")[2]
    return tag == "cloud" or tag.endswith("-cloud")


def _permission(look: Look) -> Iterator[Limit]:
    if any(rules.forbidding(look.model.name) is not None for rules in look.work.permission.model_rules):
        yield Limit("model_denied", True, look.data(), Remedy("choose_model"))


def _protocol(look: Look) -> Iterator[Limit]:
    """Soft where a model was tried: the launch tries it again, so one failure does not close it for good."""
    client = look.work.client
    if client is None or client.name is not ClientName.CLAUDE:
        return
    if look.runtime.has_messages_api is False:
        yield Limit("runtime_lacks_messages_api", True, look.data(), Remedy("install_runtime"))
    checks = look.checks
    if checks is not None and checks.takes_late_system is False:
        yield Limit("late_system_unanswered", False, look.data(), Remedy("measure_speed", command="kirikae bench"))


def _memory(look: Look) -> Iterator[Limit]:
    """What is loaded fits as it is; everything else is estimated for the asked context and number of agents."""
    memory, limit, spare_bytes = look.estimate.memory, look.estimate.limit, look.estimate.spare_bytes
    if look.model.is_loaded or memory is None or limit is None or spare_bytes is None or spare_bytes >= 0:
        return
    remedy = Remedy("free_memory", data={"missing_bytes": -spare_bytes})
    data = look.data(needed_bytes=memory.total_bytes, limit_bytes=limit.limit_bytes)
    yield Limit("memory_too_small", True, data, remedy)


def _context(look: Look) -> Iterator[Limit]:
    total, model = look.total_tokens, look.model
    if model.max_context_tokens is not None and total > model.max_context_tokens:
        yield Limit("context_over_model", True, _lengths(look, model.max_context_tokens), _shorten(look))
    elif model.effective_context_tokens is not None and total > model.effective_context_tokens:
        raise_it = Remedy("raise_context", data=look.data(total_tokens=total))
        yield Limit("context_over_runtime", True, _lengths(look, model.effective_context_tokens), raise_it)
    limit = look.work.limits.local_context_tokens
    if total > limit:
        yield Limit("context_over_org_limit", False, _lengths(look, limit), _shorten(look))


def _lengths(look: Look, limit_tokens: int) -> dict[str, object]:
    return look.data(total_tokens=look.total_tokens, limit_tokens=limit_tokens)


def _shorten(look: Look) -> Remedy:
    return Remedy("shorten_context", data={"total_tokens": look.total_tokens})


def _needs(look: Look) -> Iterator[Limit]:
    has = {"tools": _has_tools(look), "vision": look.model.has_vision}
    for need in look.work.needs:
        if has.get(need) is False:
            yield Limit("need_missing", True, look.data(need=need), Remedy("choose_model"))
    if "tools" in look.work.needs and has["tools"] is None:
        yield Limit("tools_unknown", False, look.data(), Remedy("measure_speed", command="kirikae bench"))


def _has_tools(look: Look) -> bool | None:
    """What was tried with this version of the runtime beats what is said of the model."""
    checks = look.checks
    if checks is None or checks.can_call_tools is None:
        return look.model.has_tools if look.model.has_tools is not None else look.fit.has_tools
    return checks.can_call_tools


def _deadline(look: Look) -> Iterator[Limit]:
    deadline_s, first_token_s = look.work.asked_deadline_s, look.first_token_s
    if deadline_s is None or first_token_s is None or first_token_s[1] <= deadline_s:
        return
    data = look.data(first_token_s=first_token_s[1], deadline_s=deadline_s)
    yield Limit("deadline_missed", False, data, Remedy("choose_model"))


def _machine_state(look: Look) -> Iterator[Limit]:
    state, limits = look.facts.state, look.work.limits
    if (state.is_on_battery or state.is_low_power) and limits.on_battery is not OnBattery.ALLOW:
        yield Limit("on_battery", limits.on_battery is OnBattery.NEVER, {}, Remedy("plug_in"))
    if state.memory_pressure in (MemoryPressure.WARNING, MemoryPressure.CRITICAL):
        yield Limit("memory_pressure", False, {"level": str(state.memory_pressure)})
    if look.work.circumstances.are_facts_old:
        yield Limit(
            "facts_old", False, {"limit_s": limits.facts_max_age_s}, Remedy("measure_speed", command="kirikae report")
        )


def _quality(look: Look) -> Iterator[Limit]:
    """Ratings come with the catalogue; a model that it does not know counts as basic."""
    minimum, tier = look.work.task.min_quality, look.fit.tier
    if TIERS.index(tier) < TIERS.index(minimum):
        data = look.data(tier=str(tier), minimum=str(minimum))
        yield Limit("quality_below_minimum", False, data, Remedy("choose_model"))


def _licence(look: Look) -> Iterator[Limit]:
    if look.fit.may_produce is False:
        yield Limit("licence_excludes_production", False, look.data(), Remedy("choose_model"))


CHECKS: tuple[Callable[[Look], Iterator[Limit]], ...] = (
    _presence, _origin, _permission, _protocol, _memory, _context, _needs, _deadline, _quality, _licence,
    _machine_state,
)  # fmt: skip


def list_notes(look: Look) -> Iterator[Limit]:
    """What is not known, said when the candidate is taken all the same."""
    if look.model.effective_context_tokens is None:
        yield Limit("context_unknown", False, look.data())
    if look.model.size_bytes is None and not look.model.is_loaded:
        yield Limit("size_unknown", False, look.data())
    deadline_s = look.work.asked_deadline_s
    if deadline_s is not None and look.first_token_s is None:
        yield Limit("deadline_unknown", False, look.data(deadline_s=deadline_s))
