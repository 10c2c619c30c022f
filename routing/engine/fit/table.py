"""What a Mac can run: one row for each model and form of the catalogue, and for what is installed beside it."""

from collections.abc import Iterator

from ..facts import MachineFacts, ModelFacts, RuntimeFacts, RuntimeKind
from ..named_tuple import NamedTuple
from ..policy.values import TIERS, ModelRules
from .basis import NOTHING_LEARNED, Learned
from .case import Case, FitMachine
from .catalogue import Catalogue, CatalogueModel, quantization_of
from .estimate import Estimate, Verdict, estimate_of, largest_context_of
from .quantization import quantization_in, read_quantization

_VERDICTS = (Verdict.FITS, Verdict.TIGHT, Verdict.UNKNOWN, Verdict.TOO_LARGE)
NO_MODEL_RULES = ModelRules()


class Question(NamedTuple):
    """How the machine would be used. `gguf_runtime` is who runs GGUF files; MLX files run in `mlx_lm`."""

    context_tokens: int
    kv_quantization: str = "f16"
    parallel: int = 1
    gguf_runtime: RuntimeKind = RuntimeKind.LLAMA_CPP


class FitRow(NamedTuple):
    """`model` is None for an installed model that the catalogue does not know."""

    name: str
    title: str
    quantization: str
    runtime: RuntimeKind
    estimate: Estimate
    most_context_tokens: int | None
    size_bytes: int | None
    is_installed: bool
    model: CatalogueModel | None
    # As `ModelRules.forbidding` says; None: the policy lets it run.
    forbidden_by: str | None = None

    @property
    def install(self) -> str | None:
        """The catalogue's command for this runtime, unless it says that it gets another form than this row's."""
        command = self.model.install.get(str(self.runtime)) if self.model else None
        form = read_quantization(quantization_in(command)) if command else None
        return command if form is None or form.name.removeprefix("UD-") == self.quantization else None

    @property
    def is_mlx(self) -> bool:
        return self.quantization.startswith("MLX")


def list_fit(
    machine: FitMachine,
    catalogue: Catalogue,
    question: Question,
    *,
    learned: Learned = NOTHING_LEARNED,
    facts: MachineFacts | None = None,
    rules: ModelRules = NO_MODEL_RULES,
) -> list[FitRow]:
    """Best first: what fits before what does not, then by rating and speed. `rules` are the policy's for all work."""
    installed = list(_installed_rows(machine, catalogue, question, learned=learned, facts=facts, rules=rules))
    known = {(row.name, row.quantization) for row in installed}
    offered = [
        _row(machine, model, form, runtime, question, learned=learned)._replace(forbidden_by=forbidden_by)
        for model in catalogue.models
        for forbidden_by in [rules.forbidding_any(model.name, *model.aliases)]
        for form, runtime in _forms(model, question.gguf_runtime)
        if (model.name, form) not in known
    ]
    return sorted([*installed, *offered], key=_order)


def row_of(
    machine: FitMachine,
    model: CatalogueModel,
    question: Question,
    *,
    quantization: str,
    runtime: RuntimeKind,
    learned: Learned = NOTHING_LEARNED,
) -> FitRow:
    """One row, for pages of one model."""
    return _row(machine, model, quantization, runtime, question, learned=learned)


def forms_of(model: CatalogueModel) -> tuple[str, ...]:
    """The quantizations that the catalogue knows a size of."""
    return tuple(model.sizes)


def _forms(model: CatalogueModel, gguf_runtime: RuntimeKind) -> Iterator[tuple[str, RuntimeKind]]:
    offered = dict(model.sizes)
    if gguf_runtime is RuntimeKind.OLLAMA:
        # Ollama's library has a file of its own; other quantizations would be pulled by hand.
        offered = {**{form: size for form, size in offered.items() if _is_mlx(form)}, **model.ollama_model.sizes}
    for form in offered:
        yield form, RuntimeKind.MLX_LM if _is_mlx(form) else gguf_runtime


def _is_mlx(form: str) -> bool:
    return form.startswith("MLX")


def _row(
    machine: FitMachine, model: CatalogueModel, form: str, runtime: RuntimeKind, question: Question, *, learned: Learned
) -> FitRow:
    fitted = model.ollama_model if runtime is RuntimeKind.OLLAMA else model.fit_model
    row = _answer(Case.of(machine, fitted, form, runtime, kv_quantization=question.kv_quantization), question, learned)
    return row._replace(title=model.title, quantization=form, runtime=runtime, model=model)


def _answer(case: Case, question: Question, learned: Learned) -> FitRow:
    found = estimate_of(case, question.context_tokens, parallel=question.parallel, learned=learned)
    most = largest_context_of(case, parallel=question.parallel)
    name, form, _is_mlx = case.key
    return FitRow(name, name, form, question.gguf_runtime, found, most, case.weights, is_installed=False, model=None)


def _installed(facts: MachineFacts | None) -> Iterator[tuple[RuntimeFacts, ModelFacts]]:
    for runtime in facts.runtimes if facts else ():
        for model in runtime.models:
            if model.is_remote is False:
                yield runtime, model


def _form_of(model: ModelFacts) -> str:
    quantization = quantization_of(model)
    form = read_quantization(quantization)
    return form.name if form else (quantization or "")


def _installed_rows(
    machine: FitMachine,
    catalogue: Catalogue,
    question: Question,
    *,
    learned: Learned,
    facts: MachineFacts | None,
    rules: ModelRules,
) -> Iterator[FitRow]:
    """From their own files and shapes: a file here may be larger than the one that the catalogue knows."""
    for runtime, model in _installed(facts):
        fitted, form = catalogue.fit_model(model), _form_of(model)
        known = catalogue.find(model.name)
        case = Case.of(
            machine,
            fitted,
            form,
            runtime.kind,
            kv_quantization=question.kv_quantization,
            runtime_version=runtime.version,
        )
        row = _answer(case, question, learned)
        title = known.title if known else model.name
        row = row._replace(title=title, quantization=form, runtime=runtime.kind, is_installed=True, model=known)
        yield row._replace(forbidden_by=rules.forbidding(model.name))


def _order(row: FitRow) -> tuple[int, int, float, str, str]:
    speed = row.estimate.decode_tokens_per_s
    tier = TIERS.index(row.model.tier) if row.model else 0
    return _VERDICTS.index(row.estimate.verdict), -tier, -(speed[0] if speed else 0.0), row.name, row.quantization


def row_document(row: FitRow) -> dict[str, object]:
    """The row as the API and `kirikae fit --json` write it; null is unknown."""
    found, model = row.estimate, row.model
    memory = found.memory
    return {
        "model": row.name,
        "title": row.title,
        "quantization": row.quantization,
        "runtime": str(row.runtime),
        "verdict": str(found.verdict),
        "spare_bytes": found.spare_bytes,
        "memory": {**memory._asdict(), "total_bytes": memory.total_bytes} if memory else None,
        "memory_bytes": _list(found.memory_bytes),
        "most_context_tokens": row.most_context_tokens,
        "decode_tokens_per_s": _list(found.decode_tokens_per_s),
        "prefill_tokens_per_s": _list(found.prefill_tokens_per_s),
        "first_token_s": _list(found.first_token_s),
        "load_s": _list(found.load_s),
        "basis": found.basis,
        "notes": list(found.notes),
        "tier": str(model.tier) if model else None,
        "tools": model.has_tools if model else None,
        "licence": model.licence if model else None,
        "production": model.may_produce if model else None,
        "verified": model.is_verified if model else False,
        "forbidden_by": row.forbidden_by,
        "installed": row.is_installed,
        "install": row.install,
    }


def _list(found: tuple[float, float] | None) -> list[float] | None:
    return None if found is None else list(found)
