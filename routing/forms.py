"""The form of one privacy rule. The engine judges the rule; its problems come back to the fields they are about."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.common.engine_words import problem_in_words
from routing.engine.errors import Problem
from routing.wording import EFFECTS

EFFECT_CHOICES = [(effect, EFFECTS[effect]) for effect in ("local_only", "block", "org_only", "cloud_ok")]
EFFECT_HELP = {
    "local_only": _("Refused when no local model fits. Never the cloud."),
    "block": _("No model at all, neither here nor in the cloud."),
    "org_only": _("This Mac, until sharing among Macs exists."),
    "cloud_ok": _("Opens repositories to the cloud, by their remotes alone."),
}
EXCEPTION_CHOICES = [
    ("second_person", _("Permitted, when a second person agrees")),
    ("forbidden", _("Never")),
]
# One pattern a line; the key of `match` that they stand under.
PATTERN_FIELDS = ("remotes", "paths", "markers", "root_commits", "labels")
# Shown only when asked for: most rules know a project by its remotes.
RARE_FIELDS = ("paths", "markers", "root_commits", "labels", "exceptions")
# Where the engine's path of a problem, below the rule, is shown.
_FIELD_OF_PATH = {
    "id": "code", "name.en": "name_en", "name.ja": "name_ja", "effect": "effect", "reason.en": "reason_en",
    "reason.ja": "reason_ja", "review_by": "review_by", "expires": "review_by", "match": "remotes",
    "exceptions": "exceptions", "confidential": "confidential",
    **{f"match.{key}": key for key in PATTERN_FIELDS},
}  # fmt: skip


def pattern_lines(label: Any, help_text: Any = "", *, rows: int = 2) -> forms.CharField:
    widget = forms.Textarea(attrs={"class": "input code", "rows": rows, "spellcheck": "false"})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=20_000, widget=widget)


def text_line(label: Any, help_text: Any = "", *, is_required: bool = False, css: str = "input") -> forms.CharField:
    widget = forms.TextInput(attrs={"class": css, "autocomplete": "off"})
    return forms.CharField(label=label, help_text=help_text, required=is_required, max_length=500, widget=widget)


class RuleForm(forms.Form):
    code = text_line(
        _("Rule code"), _("Shown to developers in every answer, such as nda-acme."), is_required=True, css="input code"
    )
    name_en = text_line(_("Name in English"), _("May be a code name."))
    name_ja = text_line(_("Name in Japanese"))
    effect = forms.ChoiceField(
        label=_("What may happen"), choices=EFFECT_CHOICES, initial="local_only", widget=forms.RadioSelect
    )
    remotes = pattern_lines(
        _("Repositories, one pattern a line"),
        _("Host and path, such as github.com/acme/**. One star stays within a part of the path, two go across."),
        rows=3,
    )
    paths = pattern_lines(_("Folders"), _("Such as ~/work/acme/**"))
    markers = pattern_lines(_("Markers"), _("Names that a .kirikae.toml in the project gives."))
    root_commits = pattern_lines(_("First commits"), _("Recognise copies and forks whose remote was changed."))
    labels = pattern_lines(_("Labels"), _("Names that a caller of the API gives with a request."))
    exceptions = forms.ChoiceField(
        label=_("Exceptions to this rule"),
        choices=EXCEPTION_CHOICES,
        initial="second_person",
        required=False,
        widget=forms.Select(attrs={"class": "select"}),
    )
    confidential = forms.BooleanField(
        label=_("Confidential"),
        help_text=_("The page of the rules shows it to admins and auditors alone. Give it a code name."),
        required=False,
    )
    reason_en = text_line(_("Reason in English"), _("What developers read."))
    reason_ja = text_line(_("Reason in Japanese"))
    review_by = forms.DateField(
        label=_("Review by"),
        help_text=_("The rule stays in force after this day. Where the cloud is allowed, it is the last day."),
        required=False,
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d"),
    )

    # What the rule was when the form was shown, so that nobody overwrites what another changed meanwhile.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, code: str = "", **options: Any) -> None:
        """`code` is the rule that is edited: its code stays."""
        super().__init__(*args, **options)
        if code:
            self.fields["code"].disabled = True

    @property
    def effects(self) -> list[tuple[Any, Any]]:
        """Each choice of what may happen, with a sentence on it."""
        return [(radio, EFFECT_HELP[radio.data["value"]]) for radio in self["effect"]]

    @property
    def rare_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in RARE_FIELDS]

    @property
    def has_rare(self) -> bool:
        """Whether any of them holds something, or has an error to show."""
        return any(self[name].errors for name in RARE_FIELDS) or any(
            self[name].value() not in (None, "", "second_person") for name in RARE_FIELDS
        )

    @property
    def given_effect(self) -> str:
        """As typed, valid or not yet; what the choice does not have counts as the first."""
        given = self["effect"].value()
        return given if given in EFFECT_HELP else "local_only"

    @property
    def given_match(self) -> dict[str, list[str]]:
        """The patterns as typed, for a look at what they hit while the rest of the form is still empty."""
        return {key: read_patterns(self[key].value()) for key in PATTERN_FIELDS}

    def note_change(self, current: str) -> bool:
        """Whether the rule is another one than the form was shown with. The next attempt then goes through."""
        if self.cleaned_data["seen"] in ("", current):
            return False
        self.data = {**self.data.dict(), "seen": current} if isinstance(self.data, QueryDict) else self.data
        self.add_error(
            None,
            _(
                "Somebody changed this rule while you wrote. What you typed is kept here: look at the rule in force, "
                "then publish again to replace it."
            ),
        )
        return True

    def as_rule(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """The rule of the policy document; what the form does not show is kept from `base`."""
        given = self.cleaned_data
        day = given["review_by"].isoformat() if given["review_by"] else None
        rule = {
            **base,
            "id": given["code"],
            "name": {"en": given["name_en"], "ja": given["name_ja"]},
            "effect": given["effect"],
            "confidential": given["confidential"],
            "exceptions": given["exceptions"] or base.get("exceptions", "second_person"),
            "match": {**base.get("match", {}), **{key: read_patterns(given[key]) for key in PATTERN_FIELDS}},
            "reason": {"en": given["reason_en"], "ja": given["reason_ja"]},
        }
        rule.pop("review_by", None)
        rule.pop("expires", None)
        if day:
            rule["expires" if given["effect"] == "cloud_ok" else "review_by"] = day
        return rule

    def add_problems(self, problems: Iterable[Problem], *, rule_path: str) -> None:
        for problem in problems:
            sentence = _("Found %(found)s; allowed: %(allowed)s.") % problem_in_words(problem)
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
        "confidential": rule.get("confidential", False),
        "exceptions": rule.get("exceptions", "second_person"),
        "seen": digest_of_rule(rule),
        **{key: "\n".join(rule["match"].get(key, [])) for key in PATTERN_FIELDS},
    }


def digest_of_rule(rule: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(rule, sort_keys=True, default=str).encode()).hexdigest()[:16]


def read_patterns(text: object) -> list[str]:
    return [line.strip() for line in str(text or "").split("\n") if line.strip()]


def _field_of(path: str, *, rule_path: str) -> str | None:
    if path == rule_path or not path.startswith(f"{rule_path}."):
        return None
    below = path.removeprefix(f"{rule_path}.").split("[")[0]
    return _FIELD_OF_PATH.get(below)
