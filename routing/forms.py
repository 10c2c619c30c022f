"""The form of one privacy rule. The engine judges the rule; its problems come back to the fields they are about."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from routing.engine.errors import Problem

EFFECT_CHOICES = [
    ("local_only", _("Local only: refused when no local model fits, never the cloud")),
    ("block", _("Use forbidden: no model at all")),
    ("org_only", _("Organisation only: this Mac until sharing exists")),
    ("cloud_ok", _("Cloud allowed: opens repositories, by remotes alone")),
]
# One pattern a line; the key of `match` that they stand under.
PATTERN_FIELDS = ("remotes", "paths", "markers", "root_commits")
# Where the engine's path of a problem, below the rule, is shown.
_FIELD_OF_PATH = {
    "id": "code", "name.en": "name_en", "name.ja": "name_ja", "effect": "effect", "reason.en": "reason_en",
    "reason.ja": "reason_ja", "review_by": "review_by", "expires": "review_by", "match": "remotes",
    **{f"match.{key}": key for key in PATTERN_FIELDS},
}  # fmt: skip


def _lines(label: Any, help_text: Any = "", *, rows: int = 2) -> forms.CharField:
    widget = forms.Textarea(attrs={"class": "input code", "rows": rows, "spellcheck": "false"})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=20_000, widget=widget)


def _text(label: Any, help_text: Any = "", *, is_required: bool = False, css: str = "input") -> forms.CharField:
    widget = forms.TextInput(attrs={"class": css, "autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, required=is_required, max_length=500, widget=widget)


class RuleForm(forms.Form):
    code = _text(
        _("Rule code"), _("Shown to developers in every answer, such as nda-acme."), is_required=True, css="input code"
    )
    name_en = _text(_("Name in English"), _("May be a code name."))
    name_ja = _text(_("Name in Japanese"))
    effect = forms.ChoiceField(
        label=_("What may happen"), choices=EFFECT_CHOICES, initial="local_only", widget=forms.RadioSelect
    )
    remotes = _lines(
        _("Repositories, one pattern a line"),
        _("Host and path, such as github.com/acme/**. One star stays within a part of the path, two go across."),
        rows=3,
    )
    paths = _lines(_("Folders"), _("Such as ~/work/acme/**"))
    markers = _lines(_("Markers"), _("Names that a .kirikae.toml in the project gives."))
    root_commits = _lines(_("First commits"), _("Recognise copies and forks whose remote was changed."))
    reason_en = _text(_("Reason in English"), _("What developers read."))
    reason_ja = _text(_("Reason in Japanese"))
    review_by = forms.DateField(
        label=_("Review by"),
        help_text=_("The rule stays in force after this day. Where the cloud is allowed, it is the last day."),
        required=False,
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, code: str = "", **options: Any) -> None:
        """`code` is the rule that is edited: its code stays."""
        super().__init__(*args, **options)
        if code:
            self.fields["code"].disabled = True

    def as_rule(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """The rule of the policy document; what the form does not show is kept from `base`."""
        given = self.cleaned_data
        day = given["review_by"].isoformat() if given["review_by"] else None
        rule = {
            **base,
            "id": given["code"],
            "name": {"en": given["name_en"], "ja": given["name_ja"]},
            "effect": given["effect"],
            "match": {**base.get("match", {}), **{key: given[key].split("\n") for key in PATTERN_FIELDS}},
            "reason": {"en": given["reason_en"], "ja": given["reason_ja"]},
        }
        rule["match"] = {key: [one.strip() for one in found if one.strip()] for key, found in rule["match"].items()}
        rule.pop("review_by", None)
        rule.pop("expires", None)
        if day:
            rule["expires" if given["effect"] == "cloud_ok" else "review_by"] = day
        return rule

    def add_problems(self, problems: Iterable[Problem], *, rule_path: str) -> None:
        for problem in problems:
            sentence = _("Found %(found)s; allowed: %(allowed)s.") % {
                "found": problem.found,
                "allowed": problem.allowed,
            }
            field = _field_of(problem.path, rule_path=rule_path)
            self.add_error(field, sentence if field else f"{problem.path}: {sentence}")


def initial_of(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a rule in force."""
    name, reason = rule.get("name") or {}, rule.get("reason") or {}
    return {
        "code": rule["id"],
        "name_en": name.get("en", ""),
        "name_ja": name.get("ja", ""),
        "effect": rule["effect"],
        "reason_en": reason.get("en", ""),
        "reason_ja": reason.get("ja", ""),
        "review_by": rule.get("review_by") or rule.get("expires"),
        **{key: "\n".join(rule["match"].get(key, [])) for key in PATTERN_FIELDS},
    }


def _field_of(path: str, *, rule_path: str) -> str | None:
    if path == rule_path or not path.startswith(f"{rule_path}."):
        return None
    below = path.removeprefix(f"{rule_path}.").split("[")[0]
    return _FIELD_OF_PATH.get(below)
