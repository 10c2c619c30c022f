"""What a person asks of a fit table. It stands in the address, so a table can be linked. Nonsense is as not asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.utils.translation import gettext_lazy as _

from machines.models import RuntimeKind
from portal.common.forms import StyledFields
from routing.engine import facts
from routing.engine.fit.table import Question

# Steps of the slider: a context is chosen by doubling.
STEPS_TOKENS = (4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144)
GGUF_RUNTIMES = ("ollama", "lm_studio", "llama_cpp")
AGENTS = (1, 2, 4, 8)
# Columns of the table by what they sort, with whether they hold figures; the last one has no order.
COLUMNS = (
    ("name", _("Model"), False),
    ("memory", _("Memory at this context"), False),
    ("context", _("Largest context"), True),
    ("speed", _("Tokens/s"), True),
    ("wait", _("First token"), True),
    ("rating", _("Score"), True),
)
# Those whose first press shows the largest figure first.
MOST_FIRST = ("context", "speed", "rating")


@dataclass(frozen=True)
class Head:
    """A head of the table. `value` is what pressing it asks for; `direction` is empty where it does not sort."""

    name: str
    label: Any
    value: str
    direction: str
    is_figure: bool


class RangeInput(forms.NumberInput):
    input_type = "range"


class FitForm(StyledFields, forms.Form):
    defaults: ClassVar[Mapping[str, str]] = {
        "step": "3",
        "kind": "",
        "runtime": "ollama",
        "kv": "f16",
        "agents": "1",
        "show": "best",
        "sort": "rating",
    }

    step = forms.IntegerField(
        label=_("Context length"),
        min_value=0,
        max_value=len(STEPS_TOKENS) - 1,
        widget=RangeInput(attrs={"class": "range", "data-stops": ""}),
    )
    kind = forms.ChoiceField(
        label=_("Format"),
        required=False,
        choices=[("", _("Both")), ("mlx", "MLX"), ("gguf", "GGUF")],
        widget=forms.RadioSelect,
    )
    runtime = forms.ChoiceField(
        label=_("GGUF runs in"), choices=[(name, RuntimeKind(name).label) for name in GGUF_RUNTIMES]
    )
    kv = forms.ChoiceField(label=_("KV cache"), choices=[(name, name) for name in ("f16", "q8_0", "q4_0")])
    agents = forms.TypedChoiceField(label=_("Agents at once"), coerce=int, choices=[(n, str(n)) for n in AGENTS])
    show = forms.ChoiceField(
        label=_("Forms"),
        choices=[
            ("best", _("Best form of each model")),
            ("every", _("Every form")),
            ("installed", _("Installed")),
        ],
    )
    sort = forms.ChoiceField(
        choices=[(sign + name, label) for name, label, _is_figure in COLUMNS for sign in ("", "-")],
        widget=forms.HiddenInput,
    )
    find = forms.CharField(
        label=_("Model"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"type": "search", "spellcheck": "false"}),
    )

    @property
    def context_tokens(self) -> int:
        return STEPS_TOKENS[self.cleaned_data["step"]]

    @property
    def question(self) -> Question:
        asked = self.cleaned_data
        return Question(self.context_tokens, asked["kv"], asked["agents"], facts.RuntimeKind(asked["runtime"]))

    @property
    def filters(self) -> tuple[str, ...]:
        """The fields that stand in one row below the slider and the switch."""
        return ("runtime", "kv", "agents", "show", "find")

    @property
    def heads(self) -> list[Head]:
        """The column that sorts asks for the other way round, the others for their natural order."""
        asked = self.cleaned_data["sort"]
        return [
            Head(name, label, f"-{name}" if asked == name else name, _direction(name, asked), is_figure)
            for name, label, is_figure in COLUMNS
        ]

    @property
    def stops(self) -> tuple[int, ...]:
        return STEPS_TOKENS

    @property
    def query(self) -> str:
        """What was asked as the query of an address, without what is so anyway."""
        asked = {name: self.data.get(name) for name in self.fields}
        return urlencode({name: value for name, value in asked.items() if value and value != self.defaults.get(name)})


def _direction(column: str, asked: str) -> str:
    if asked.removeprefix("-") != column:
        return ""
    return "descending" if (column in MOST_FIRST) == (asked == column) else "ascending"


def read_form[F: FitForm](form_class: type[F], data: Mapping[str, str], *, runtime: str | None = None) -> F:
    """`runtime` runs GGUF files where nobody asks for another. The form is valid always."""
    defaults = {**form_class.defaults, **({"runtime": runtime} if runtime in GGUF_RUNTIMES else {})}
    asked = {name: data[name] for name in form_class.base_fields if data.get(name)}
    form = form_class(defaults | asked)
    if form.is_valid():
        return form
    good = {name: value for name, value in asked.items() if name not in form.errors}
    corrected = form_class(defaults | good)
    corrected.full_clean()
    return corrected
