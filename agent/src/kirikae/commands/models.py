"""`kirikae models`: the runtimes of this machine and their models, those on the disk included."""

from __future__ import annotations

from collections.abc import Sequence

from kirikae.arguments import Arguments
from kirikae.collect.full_report import add_installed
from kirikae.collect.report import last_runtimes
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.collect.runtimes import REPORT_BUDGET_S, find_runtimes
from kirikae.engine.facts import RuntimeKind
from kirikae.engine.stages.work import RUNTIME_NAMES
from kirikae.home import Home
from kirikae.table import format_table
from kirikae.texts import say

PLACES = {False: "models.local", True: "models.remote", None: "models.unknown"}
GB, MB = 10**9, 10**6
# Sizes and contexts are compared down their columns.
NUMBERS = (1, 3)


def execute(_arguments: Arguments, home: Home) -> int:
    enrolment = home.find_enrolment()
    portal = enrolment.portal_url if enrolment else None
    found = find_runtimes(budget_s=REPORT_BUDGET_S, known=last_runtimes(home), skip=portal)
    runtimes = add_installed(found, home)
    print("\n\n".join(_describe(runtime) for runtime in runtimes) or say("models.none"))
    return 0


def describe_runtime(runtime: Runtime) -> str:
    """One line; of a broken one, what it does wrong and what to do."""
    name = RUNTIME_NAMES[RuntimeKind(runtime.kind)]
    shown = f"{name} {runtime.version}" if runtime.version else name
    state = say(f"broken.{runtime.reason}") if runtime.state == "broken" else say(f"state.{runtime.state}")
    return say("models.runtime", name=shown, url=runtime.base_url, state=state)


def _describe(runtime: Runtime) -> str:
    if not runtime.models:
        no_model = [say("models.no_model")] if runtime.state == "up" else []
        return "\n".join([describe_runtime(runtime), *no_model])
    head = say("models.head").split("|")
    table = format_table([head, *(_cells(model) for model in runtime.models)], right=NUMBERS)
    return "\n".join([describe_runtime(runtime), *(f"  {line}" for line in table.splitlines())])


def _cells(model: Model) -> Sequence[str]:
    return (
        model.name,
        _size(model),
        model.quantization or "-",
        _context(model),
        say("models.loaded") if model.loaded else "-",
        ", ".join(say(f"models.{one}") for one in ("tools", "vision") if getattr(model, one)) or "-",
        say(PLACES[model.remote]),
    )


def _size(model: Model) -> str:
    """A stub of a cloud model takes no room here."""
    if model.size_bytes is None or model.remote:
        return "-"
    return f"{model.size_bytes / GB:.1f} GB" if model.size_bytes >= GB / 10 else f"{model.size_bytes / MB:.1f} MB"


def _context(model: Model) -> str:
    """What a request may use now, else what the model could."""
    if model.effective_context_tokens is not None:
        return f"{model.effective_context_tokens:,}"
    return "-" if model.max_context_tokens is None else say("models.at_most", tokens=f"{model.max_context_tokens:,}")
