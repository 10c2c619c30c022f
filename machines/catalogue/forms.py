"""Narrowing the catalogue, and one model of it as a form: lists are lines, tables are lines of `name: value`."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from machines.catalogue.entries import NAME, Entry, entry_from_document
from portal.common.forms import StyledFields
from routing.engine.errors import WireError
from routing.engine.policy.values import Tier

_THREE = [("", _("Not known")), ("yes", _("Yes")), ("no", _("No"))]
TIERS = [(Tier.STRONG, _("Strong")), (Tier.GOOD, pgettext_lazy("a model's rating", "Good")), (Tier.BASIC, _("Basic"))]
_LINES = ("aliases",)
_TABLES = ("sizes", "install", "scores", "geometry", "sources")
_THREES = ("tools", "vision", "production")
_TEXTS = ("title", "repository", "tier", "tier_basis", "licence", "unverified", "note")


class CatalogueFilter(StyledFields, forms.Form):
    find = forms.CharField(
        label=_("Model"), required=False, max_length=80, widget=forms.TextInput(attrs={"type": "search"})
    )
    tier = forms.ChoiceField(label=_("Rating"), required=False, choices=[("", _("All")), *TIERS])
    only = forms.ChoiceField(
        label=_("Only"),
        required=False,
        choices=[
            ("", _("All")),
            ("tools", _("With tools")),
            ("production", _("Licence allows production")),
            ("unverified", _("Unverified")),
        ],
    )

    def narrow(self, entries: Sequence[Entry]) -> list[Entry]:
        """Nonsense counts as not asked."""
        asked = self.cleaned_data if self.is_valid() else {}
        words = str(asked.get("find", "")).lower().split()
        return [entry for entry in entries if self._is_asked_for(entry, words, asked)]

    @staticmethod
    def _is_asked_for(entry: Entry, words: Sequence[str], asked: Mapping[str, str]) -> bool:
        model = entry.model
        kept = {
            "tools": model.has_tools is True,
            "production": model.may_produce is True,
            "unverified": not model.is_verified,
        }
        has_words = all(word in f"{entry.name} {model.title}".lower() for word in words)
        return has_words and asked.get("tier", "") in ("", model.tier) and kept.get(asked.get("only", ""), True)


def _text(label: Any, *, is_required: bool = False, high: int = 200, help_text: Any = "") -> forms.CharField:
    return forms.CharField(label=label, required=is_required, max_length=high, help_text=help_text)


def _lines(label: Any, example: str, *, rows: int = 3) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "class": "code"})
    return forms.CharField(label=label, required=False, max_length=20_000, widget=widget, help_text=example)


class EntryForm(StyledFields, forms.Form):
    name = forms.RegexField(
        label=_("Name"),
        regex=rf"\A{NAME}\Z",
        max_length=80,
        help_text="qwen3-coder-30b",
        error_messages={
            "invalid": _("Lower-case letters, digits, dots, hyphens and underscores, such as qwen3-coder-30b.")
        },
    )
    title = _text(_("Title"), is_required=True, high=120)
    aliases = _lines(_("Other names, one a line"), "qwen3-coder:30b")
    repository = _text(_("Repository"), help_text="Qwen/Qwen3-Coder-30B-A3B-Instruct")
    tier = forms.ChoiceField(label=_("Rating"), choices=TIERS)
    tier_basis = _text(_("Published score that the rating rests on"), help_text="SWE-bench Verified 50.3")
    tools = forms.ChoiceField(label=_("Calls tools"), required=False, choices=_THREE)
    vision = forms.ChoiceField(label=_("Reads images"), required=False, choices=_THREE)
    licence = _text(_("Licence"), high=80)
    production = forms.ChoiceField(label=_("Licence allows production"), required=False, choices=_THREE)
    sizes = _lines(_("Bytes of its files by form"), "Q4_K_M: 18575733555")
    ollama_bytes = forms.IntegerField(label=_("Bytes of Ollama's own file"), required=False, min_value=1)
    install = _lines(_("Install commands by runtime"), "ollama: ollama pull qwen3-coder:30b")
    geometry = _lines(_("Shape"), "layers: 48", rows=8)
    scores = _lines(_("Published scores"), "SWE-bench Verified: 50.3")
    sources = _lines(_("Sources"), "sizes: https://…", rows=5)
    verified = forms.BooleanField(label=_("Every figure was read at its source"), required=False)
    unverified = _text(_("What no source was read for"))
    note = _text(_("Note"), high=500)

    entry: Entry

    @classmethod
    def of(cls, entry: Entry) -> "EntryForm":
        document = entry.document()
        initial: dict[str, Any] = {key: document.get(key, "") for key in (*_TEXTS, "name", "ollama_bytes")}
        initial |= {key: {True: "yes", False: "no"}.get(document.get(key, ""), "") for key in _THREES}
        initial |= {key: "\n".join(document.get(key, [])) for key in _LINES}
        initial |= {
            key: "\n".join(f"{name}: {value}" for name, value in document.get(key, {}).items()) for key in _TABLES
        }
        return cls(initial=initial | {"verified": entry.model.is_verified})

    def clean(self) -> dict[str, Any]:
        """What the engine's own reader says is wrong stands at its field."""
        if not self.errors:
            try:
                self.entry = entry_from_document(self._document())
            except WireError as error:
                field = error.field.partition(".")[0].partition("[")[0]
                self.add_error(field if field in self.fields else None, error.detail)
        return self.cleaned_data

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name == "new":
            raise forms.ValidationError(_("This name is taken by a page. Choose another."))
        return name

    def _document(self) -> dict[str, Any]:
        asked = self.cleaned_data
        document: dict[str, Any] = {key: asked[key] for key in (*_TEXTS, "name", "ollama_bytes")}
        document |= {key: {"yes": True, "no": False}.get(asked[key]) for key in _THREES}
        document |= {key: _read_lines(asked[key]) for key in _LINES}
        document |= {key: _read_table(asked[key], has_numbers=key in ("sizes", "geometry")) for key in _TABLES}
        known = {key: value for key, value in document.items() if value not in (None, "", {}, [])}
        return known | {"verified": asked["verified"]}


def _read_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read_table(text: str, *, has_numbers: bool) -> dict[str, str | int]:
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    table = {name.strip(): value.strip() for name, _colon, value in pairs}
    return {name: int(value) if has_numbers and value.isdecimal() else value for name, value in table.items()}
