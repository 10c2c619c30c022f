"""What a person asks of a fit table. It stands in the address, so a table can be linked. Nonsense is as not asked."""

from collections.abc import Mapping
from typing import ClassVar
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
        label=_("Sort by"),
        choices=[
            ("rating", _("Installed, then rating")),
            ("name", _("Name")),
            ("memory", _("Memory")),
            ("context", _("Largest context")),
            ("speed", _("Tokens/s")),
            ("wait", _("First token")),
        ],
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
        return ("runtime", "kv", "agents", "show", "sort", "find")

    @property
    def stops(self) -> tuple[int, ...]:
        return STEPS_TOKENS

    @property
    def query(self) -> str:
        """What was asked as the query of an address, without what is so anyway."""
        asked = {name: self.data.get(name) for name in self.fields}
        return urlencode({name: value for name, value in asked.items() if value and value != self.defaults.get(name)})


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
