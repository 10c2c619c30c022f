"""Which local models can do the task here, and what speaks against each: hard limits remove, soft ones warn.

Every removal carries a code, its data and a remedy (`limits`). Protected work never meets a model that may run
elsewhere.
"""

from operator import itemgetter

from ..answer import Expected, Remedy
from ..facts import MachineFacts, ModelFacts, RuntimeFacts, RuntimeState
from ..named_tuple import NamedTuple
from ..policy.values import Tier
from ..prefixes import PrefixProfile
from .limits import CHECKS, Look, list_notes
from .work import RUNTIME_NAMES, Limit, Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..fit.candidate import CandidateFit


class Candidate(NamedTuple):
    """One local model with its limits, and how much of the client's own prompt it can carry."""

    runtime: RuntimeFacts
    model: ModelFacts
    profile: PrefixProfile
    total_tokens: int
    limit_tokens: int
    limit_by: str
    expected: Expected
    tier: Tier
    hard_limits: tuple[Limit, ...]
    soft_limits: tuple[Limit, ...]
    notes: tuple[Limit, ...]

    @property
    def is_possible(self) -> bool:
        return not self.hard_limits

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


def _judge(work: Work, facts: MachineFacts, runtime: RuntimeFacts, model: ModelFacts) -> Candidate:
    # An eighth of what the engine imports, without which all goes that has no local model to look at.
    from ..fit.candidate import fit_candidate  # noqa: PLC0415

    fit = fit_candidate(facts, runtime, model, work.catalogue_text)
    limit_tokens, limit_by = _context_limit(work, model, fit)
    # The first profile whose prompt fits and is read in time, else the smallest one.
    for profile in work.profiles():
        total = work.total_tokens(profile)
        look = Look(work, facts, runtime, model, profile, total, fit, fit.estimate(total, agents=work.agents))
        if _carries(look, limit_tokens):
            break
    limits = [limit for check in CHECKS for limit in check(look)]
    return Candidate(
        runtime=runtime,
        model=model,
        profile=look.profile,
        total_tokens=look.total_tokens,
        limit_tokens=limit_tokens,
        limit_by=limit_by,
        expected=_expected(look),
        tier=fit.tier,
        hard_limits=tuple([limit for limit in limits if limit.is_hard]),
        soft_limits=tuple([limit for limit in limits if not limit.is_hard]),
        notes=tuple(list_notes(look)),
    )


def _expected(look: Look) -> Expected:
    found = look.estimate
    load_s = (0.0, 0.0) if look.model.is_loaded else found.load_s
    return Expected(found.first_token_s, found.decode_tokens_per_s, load_s, found.basis)


def _context_limit(work: Work, model: ModelFacts, fit: "CandidateFit") -> tuple[int, str]:
    """The smallest limit, and whose it is; of equal ones the organisation's. What is loaded has its memory already."""
    window = model.max_context_tokens if model.max_context_tokens is not None else fit.window_tokens
    least = work.total_tokens(work.profiles()[-1])
    limits = (
        (work.limits.local_context_tokens, "org"),
        (window, "model"),
        (model.effective_context_tokens, "runtime"),
        (None if model.is_loaded else fit.most_tokens(least, agents=work.agents), "memory"),
    )
    known = [(tokens, whose) for tokens, whose in limits if tokens is not None]
    return min(known, key=itemgetter(0))


def _carries(look: Look, limit_tokens: int) -> bool:
    wait_s, deadline_s = look.first_token_s, look.work.deadline_s
    return look.total_tokens <= limit_tokens and (wait_s is None or deadline_s is None or wait_s[1] <= deadline_s)
