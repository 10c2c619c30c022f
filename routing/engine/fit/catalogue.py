"""The catalogue: models that the team's Macs may run, with shape, file sizes, rating, tools and licence.

It travels in the bundle as one JSON text and is parsed only when a model is looked up.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from ..facts import ModelFacts
from ..named_tuple import NamedTuple
from ..policy.values import Tier
from ..reading import strict_json
from ..reading.shapes import ObjectReader, Problems
from .basis import Factors, RunKey
from .case import FitModel
from .chips import Chip
from .geometry import UNKNOWN, Geometry, geometry_document, read_geometry
from .quantization import quantization_in, read_quantization

MAX_MODELS = 2_000
MAX_SIZES = 40
MAX_FLEET = 5_000
# A run that is farther from the formula than this was measured on something else.
_LEAST_FACTOR = 0.1
_MAX_SIZE_BYTES = 2**50
# What may stand behind a model's name without making it another model.
_SUFFIX = (
    r"(instruct|it|chat|text|base|latest|gguf|mlx|qat|dwq|hf|thinking|i1|imat|ud|xl|[ksml]|k|\d|0|1"
    r"|a\d+b|v\d[\d.]*|\d{4}|\d+bit|i?q\d\w*|mxfp[48]|nvfp4|fp8|fp16|bf16|f16)"
)
_SEPARATORS = r"[:_@ ]+"


class CatalogueModel(NamedTuple):
    """`may_produce` is False where the licence forbids production use. `install` holds a command for each runtime."""

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    shape: Geometry = UNKNOWN
    sizes: Mapping[str, int] = {}
    # Ollama's own file, which is often larger than others of the same quantization.
    ollama_bytes: int | None = None
    tier: Tier = Tier.BASIC
    has_tools: bool | None = None
    has_vision: bool | None = None
    licence: str | None = None
    may_produce: bool | None = None
    install: Mapping[str, str] = {}
    is_verified: bool = False

    @property
    def fit_model(self) -> FitModel:
        return FitModel(self.name, self.shape, self.sizes, self.has_vision)

    @property
    def ollama_model(self) -> FitModel:
        """As Ollama's library offers it: in one form."""
        form = "MXFP4" if "MXFP4" in self.sizes else "Q4_K_M"
        return FitModel(self.name, self.shape, {form: self.ollama_bytes} if self.ollama_bytes else {})


class FleetFactor(NamedTuple):
    """What the team's Macs of one chip reach with a model, as a multiple of the formula."""

    chip: str
    gpu_cores: int
    model: str
    quantization: str
    is_mlx: bool
    decode: float
    prefill: float | None


class Catalogue:
    """Looks models up by the names that runtimes give them. `text` is trusted: it comes with the signed bundle."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def models(self) -> tuple[CatalogueModel, ...]:
        """Rows that this engine cannot read are left out: a newer portal may know more than an older agent."""
        return tuple(model for row in self._rows if (model := _read_leniently(row)) is not None)

    def fleet_of(self, chip: Chip) -> dict[RunKey, Factors]:
        """What other Macs with this chip measured, by model and form."""
        return {
            (one.model, one.quantization, one.is_mlx): Factors(one.decode, one.prefill)
            for one in self.fleet
            if (one.chip, one.gpu_cores) == (chip.name, chip.gpu_cores)
        }

    @cached_property
    def fleet(self) -> tuple[FleetFactor, ...]:
        rows = self._document.get("fleet")
        listed = rows[:MAX_FLEET] if isinstance(rows, list) else []
        return tuple(factor for row in listed if (factor := _read_factor(row)) is not None)

    @cached_property
    def _rows(self) -> list[object]:
        rows = self._document.get("models")
        return rows[:MAX_MODELS] if isinstance(rows, list) else []

    @cached_property
    def _document(self) -> dict[str, object]:
        """Empty for a text that is none: what is not known is estimated from the report.

        Not by `strict_json`, which takes four times as long: each row is looked at before it is used.
        """
        try:
            document = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @cached_property
    def _by_alias(self) -> dict[str, object]:
        """Rows stay as they are until somebody asks for one: reading all of them costs an `ask` milliseconds.

        A model's own name is never another's alias.
        """
        named = [(row, names) for row in self._rows if (names := _names_of(row))]
        aliases = {plain_name(alias): row for row, names in named for alias in names[1:]}
        return aliases | {plain_name(names[0]): row for row, names in named}

    def prepare(self) -> None:
        """Reads now what the first look-up would read."""
        _ = self._by_alias

    def find(self, name: str) -> CatalogueModel | None:
        """The model of a runtime's name: its own or an alias, with nothing behind it but form and quantization."""
        words = plain_name(name).split("-")
        for end in range(len(words), 0, -1):
            row = self._by_alias.get("-".join(words[:end]))
            if row is not None:
                return _read_leniently(row) if all(re.fullmatch(_SUFFIX, word) for word in words[end:]) else None
        return None

    def fit_model(self, model: ModelFacts) -> FitModel:
        """What is known of an installed model: its own file's size and shape first, then the catalogue's."""
        model = _believable(model)
        known = self.find(model.name)
        quantization = quantization_of(model)
        form = read_quantization(quantization)
        sizes = {form.name if form else (quantization or ""): model.size_bytes} if model.size_bytes else {}
        if known is None:
            return FitModel(model.name, _with_parameters(model.geometry or UNKNOWN, model), sizes)
        shape = _completed(known.shape, model.geometry)
        return FitModel(known.name, shape, {**known.sizes, **sizes}, known.has_vision)


def quantization_of(model: ModelFacts) -> str | None:
    return model.quantization or quantization_in(model.name)


# The text in force, and the one before while some still decide by it.
@lru_cache(maxsize=2)
def catalogue_of(text: str) -> Catalogue:
    """The same for the same text, so that a process reads its rows once."""
    return Catalogue(text)


def plain_name(name: str) -> str:
    """Lower case, without maker, folder and file ending, words joined by `-`."""
    text = name.strip().lower().rpartition("/")[2].removesuffix(".gguf")
    return re.sub(_SEPARATORS, "-", text).replace("--", "-").strip("-")


def _names_of(row: object) -> list[str]:
    """Its own name first."""
    if not isinstance(row, dict):
        return []
    aliases = row.get("aliases")
    names = [row.get("name"), *(aliases if isinstance(aliases, list) else [])]
    return [name for name in names if isinstance(name, str)]


def catalogue_text(models: Iterable[CatalogueModel], fleet: Iterable[FleetFactor] = ()) -> str:
    """The JSON text for the bundle: canonical, so that equal catalogues have equal bytes."""
    document = {"models": [model_document(model) for model in models], "fleet": [list(factor) for factor in fleet]}
    return strict_json.encode(document).decode()


def model_document(model: CatalogueModel) -> dict[str, object]:
    values: dict[str, object] = {
        "name": model.name,
        "title": model.title,
        "aliases": list(model.aliases),
        "geometry": geometry_document(model.shape),
        "sizes": dict(model.sizes),
        "ollama_bytes": model.ollama_bytes,
        "tier": str(model.tier),
        "tools": model.has_tools,
        "vision": model.has_vision,
        "licence": model.licence,
        "production": model.may_produce,
        "install": dict(model.install),
        "verified": model.is_verified,
    }
    return {key: value for key, value in values.items() if value not in (None, [], {})}


def read_model(reader: ObjectReader) -> CatalogueModel:
    """One row; problems are noted by the reader. The caller closes it, for it may hold more than this."""
    name = reader.text("name", max_length=80)
    return CatalogueModel(
        name=name,
        title=reader.text("title", name, max_length=120),
        aliases=reader.texts("aliases", [], high=40, max_length=200),
        shape=read_geometry(reader.reader("geometry", {})),
        sizes=_read_sizes(reader),
        ollama_bytes=reader.optional_integer("ollama_bytes", low=1, high=_MAX_SIZE_BYTES),
        tier=Tier(reader.choice("tier", tuple(Tier), Tier.BASIC)),
        has_tools=reader.optional_boolean("tools"),
        has_vision=reader.optional_boolean("vision"),
        licence=reader.optional_text("licence", max_length=80),
        may_produce=reader.optional_boolean("production"),
        install=_read_install(reader),
        is_verified=reader.boolean("verified", default=False),
    )


def _read_sizes(reader: ObjectReader) -> dict[str, int]:
    """Bytes by quantization, kept under the one spelling that the estimate looks them up with."""
    sizes = reader.reader("sizes", {})
    found: dict[str, int] = {}
    for key in sizes.names(high=MAX_SIZES):
        form = read_quantization(key)
        name = form.name if form else key
        if name in found:
            sizes.wrong(sizes.at(key), found=key, allowed="the name of each quantization, once")
        found[name] = sizes.integer(key, low=1, high=_MAX_SIZE_BYTES)
    sizes.close()
    return found


def _read_install(reader: ObjectReader) -> dict[str, str]:
    commands = reader.reader("install", {})
    found = {key: commands.text(key, max_length=200) for key in commands.names(high=MAX_SIZES)}
    commands.close()
    return found


def _read_leniently(row: object) -> CatalogueModel | None:
    problems = Problems()
    model = read_model(ObjectReader(row, path="", problems=problems))
    return None if any(problem.code != "field.unknown" for problem in problems.found) else model


def _read_factor(row: object) -> FleetFactor | None:
    if not isinstance(row, list) or len(row) != len(FleetFactor._fields):
        return None
    factor = FleetFactor(*row)
    numbers = (factor.decode, factor.prefill if factor.prefill is not None else 1.0)
    is_sane = all(isinstance(one, int | float) and _LEAST_FACTOR <= one <= 1 / _LEAST_FACTOR for one in numbers)
    return factor if is_sane else None


def _completed(shape: Geometry, reported: Geometry | None) -> Geometry:
    """The catalogue's shape, with what only the file tells."""
    if reported is None:
        return shape
    missing = [field for field, value in zip(Geometry._fields, shape, strict=True) if value is None]
    return shape._replace(**{field: getattr(reported, field) for field in missing})


def _believable(model: ModelFacts) -> ModelFacts:
    """Without a size or a shape that no file has; a parser lets none of them through."""
    if (model.size_bytes or 0) > _MAX_SIZE_BYTES:
        model = model._replace(size_bytes=None)
    if max(model.parameters or 0, model.max_context_tokens or 0) > _MAX_SIZE_BYTES:
        model = model._replace(parameters=None, max_context_tokens=None)
    if model.geometry is not None and any(isinstance(one, int) and one > _MAX_SIZE_BYTES for one in model.geometry):
        model = model._replace(geometry=None)
    return model


def _with_parameters(shape: Geometry, model: ModelFacts) -> Geometry:
    known = shape if shape.parameters else shape._replace(parameters=model.parameters)
    return known if known.context_tokens else known._replace(context_tokens=model.max_context_tokens)
