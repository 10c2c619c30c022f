"""What goes wrong on a Mac although its table looks well, told from what the Mac reported and from its estimates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from machines.catalogue.tables import FitTable
from machines.fit.lines import Group, Line
from machines.models import Machine, Runtime, RuntimeKind
from portal.common.templatetags.quantities import context, format_bytes
from routing.engine import facts
from routing.engine.facts import MemoryPressure
from routing.engine.fit.memory import ollama_default_context

# What Claude Code sends before the task with all its tools, rounded up.
CLIENT_PREFIX_TOKENS = 24_576
# Ollama's MLX runner keeps up to this much of earlier prompts, beside the model.
PREFIX_CACHE_BYTES = 8 * 2**30
_MLX_SERVERS = (RuntimeKind.MLX_LM, RuntimeKind.OMLX)
# Models named where nothing is installed.
_NAMED = 3
_SUGGESTED_TOKENS = (65_536, 32_768, 16_384)


@dataclass(frozen=True)
class FitWarning:
    title: str
    text: str
    command: str | None = None


def list_warnings(machine: Machine, table: FitTable, lines: Sequence[Line]) -> list[FitWarning]:
    """`lines` are the whole table at the context and number of agents that were asked for."""
    return [
        *_ollama_context(machine, table, lines),
        *_prefix_cache(machine, lines),
        *_agents(table, lines),
        *_situation(machine),
    ]


def list_warnings_of_configuration(table: FitTable, lines: Sequence[Line]) -> list[FitWarning]:
    """Of a Mac that nobody has: with servers as they come, and the models that Claude Code could use there."""
    warnings: list[FitWarning] = []
    wanted = [line for line in lines if line.group in (Group.GOOD, Group.SIMPLE, Group.WAITS)]
    if table.machine.limit is not None and any(line.row.runtime is facts.RuntimeKind.OLLAMA for line in lines):
        default = ollama_default_context(table.machine.limit.limit_bytes)
        crowded = [line for line in wanted if _is_crowded(line, default)]
        warnings += _default_context(default, crowded[:_NAMED], is_mac=True)
    best = [line for line in wanted[:1] if line.row.is_mlx]
    return [*warnings, *_cache_beside(best), *_agents(table, lines)]


def _ollama_context(machine: Machine, table: FitTable, lines: Sequence[Line]) -> Iterator[FitWarning]:
    runtime = _find_runtime(machine, RuntimeKind.OLLAMA)
    limit = table.machine.limit
    if runtime is None or limit is None:
        return
    default = ollama_default_context(limit.limit_bytes)
    told = [model.effective_context_tokens for model in runtime.models.all() if model.effective_context_tokens]
    if told and default not in told:
        # Somebody set another one.
        return
    crowded = [line for line in lines if line.row.is_installed and _is_crowded(line, default)]
    yield from _default_context(default, crowded, is_mac=machine.platform == "darwin")


def _default_context(default: int, crowded: Sequence[Line], *, is_mac: bool) -> Iterator[FitWarning]:
    title = _("Ollama starts models with %(tokens)s tokens on this Mac") % {"tokens": f"{default:,}"}
    if default < CLIENT_PREFIX_TOKENS:
        text = _("Claude Code's own prompt and tools take about 22K, so it cannot work with them.")
        yield FitWarning(title, text, _context_command(_SUGGESTED_TOKENS[1], is_mac=is_mac))
        return
    if crowded:
        names = ", ".join(dict.fromkeys(line.row.title for line in crowded))
        most = min(line.row.most_context_tokens or 0 for line in crowded)
        text = _("%(models)s: does not fit with so much. At most %(tokens)s fit.") % {
            "models": names,
            "tokens": context(most // 1024 * 1024),
        }
        suggested = next((tokens for tokens in _SUGGESTED_TOKENS if tokens <= most), None)
        yield FitWarning(title, text, _context_command(suggested, is_mac=is_mac) if suggested else None)


def _is_crowded(line: Line, default_tokens: int) -> bool:
    """In Ollama, and too large with the default although it fits with less."""
    most, wanted = line.row.most_context_tokens, min(default_tokens, line.window_tokens or default_tokens)
    return line.row.runtime is facts.RuntimeKind.OLLAMA and most is not None and 0 < most < wanted


def _context_command(tokens: int, *, is_mac: bool) -> str:
    if is_mac:
        return f"launchctl setenv OLLAMA_CONTEXT_LENGTH {tokens}"
    return f"OLLAMA_CONTEXT_LENGTH={tokens} ollama serve"


def _prefix_cache(machine: Machine, lines: Sequence[Line]) -> Iterator[FitWarning]:
    has_server = any(_find_runtime(machine, kind) for kind in _MLX_SERVERS)
    yield from _cache_beside([line for line in lines if line.row.is_installed and (line.row.is_mlx or has_server)])


def _cache_beside(mlx: Sequence[Line]) -> Iterator[FitWarning]:
    spares = [line.row.estimate.spare_bytes for line in mlx if line.fits]
    least = min((spare for spare in spares if spare is not None), default=None)
    if least is None or least >= PREFIX_CACHE_BYTES:
        return
    yield FitWarning(
        _("MLX keeps earlier prompts in memory"),
        _("This cache grows up to %(cache)s beside the model; %(spare)s stay free at this context.")
        % {"cache": format_bytes(PREFIX_CACHE_BYTES), "spare": format_bytes(max(least, 0))},
    )


def _agents(table: FitTable, lines: Sequence[Line]) -> Iterator[FitWarning]:
    agents = table.question.parallel
    line = next((line for line in lines if line.row.estimate.memory and line.fits), None)
    if agents < 2 or line is None or line.row.estimate.memory is None:
        return
    cache = line.row.estimate.memory.kv_bytes
    title = ngettext("%(count)d agent at once", "%(count)d agents at once", agents) % {"count": agents}
    yield FitWarning(
        title,
        _(
            "They share the weights, but each needs a cache of its own and reads its own prompt: with %(model)s "
            "%(cache)s instead of %(one)s, and speeds are those of each agent."
        )
        % {"model": line.row.title, "cache": format_bytes(cache), "one": format_bytes(cache // agents)},
    )


def _situation(machine: Machine) -> Iterator[FitWarning]:
    situation = machine.situation or {}
    if situation.get("low_power"):
        yield FitWarning(
            _("Low power mode is on"), _("Speeds stay below these estimates, and runs measured now are set aside.")
        )
    elif situation.get("on_battery"):
        yield FitWarning(
            _("On battery"), _("A local model empties it within hours, and the policy may send work elsewhere.")
        )
    if situation.get("memory_pressure") in (MemoryPressure.WARNING, MemoryPressure.CRITICAL):
        yield FitWarning(
            _("Memory is short right now"),
            _("Other programs hold what the models need; close some, or models run from disk and slow down."),
        )


def _find_runtime(machine: Machine, kind: RuntimeKind) -> Runtime | None:
    return next((runtime for runtime in machine.runtimes.all() if runtime.kind == kind), None)
