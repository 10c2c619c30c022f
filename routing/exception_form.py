"""The form of one exception. The engine judges it; its problems come back to the fields they are about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.common.engine_words import problem_in_words
from routing.engine.errors import Problem
from routing.forms import pattern_lines, read_patterns, text_line
from routing.wording import EFFECTS

# Weakest last in a policy's order; most exceptions open a repository altogether.
EFFECT_CHOICES = [(effect, EFFECTS[effect]) for effect in ("cloud_ok", "org_only", "local_only")]
_FIELD_OF_PATH = {
    "id": "code", "rule": "rule", "effect": "effect", "match": "remotes", "machines": "is_for_one_mac",
    "expires": "expires", "reason": "reason_en",
}  # fmt: skip


class ExceptionForm(forms.Form):
    code = text_line(
        _("Code of the exception"), _("Shown in answers, such as acme-sdk."), is_required=True, css="input code"
    )
    rule = forms.ChoiceField(label=_("Rule that it sets aside"), widget=forms.Select(attrs={"class": "select"}))
    remotes = pattern_lines(
        _("Repositories, one pattern a line"),
        _("Only a project with all its remotes among these is set free."),
        rows=3,
    )
    effect = forms.ChoiceField(
        label=_("What may happen instead"),
        choices=EFFECT_CHOICES,
        initial="cloud_ok",
        widget=forms.Select(attrs={"class": "select"}),
    )
    is_for_one_mac = forms.BooleanField(label="", required=False)
    expires = forms.DateField(
        label=_("Last day"),
        help_text=_("From the next day on the rule holds again."),
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d"),
    )
    reason_en = text_line(_("Reason in English"), _("What developers read."))
    reason_ja = text_line(_("Reason in Japanese"))

    def __init__(self, *args: Any, rules: Sequence[Mapping[str, Any]], machine: Any = None, **options: Any) -> None:
        """`rules`: those of the policy; `machine`: the Mac that asked, if one did."""
        super().__init__(*args, **options)
        self.machine = machine
        able = [one for one in rules if one["effect"] != "cloud_ok" and one.get("exceptions") != "forbidden"]
        # Nothing is chosen for the admin where no rule holds the repositories back.
        choice = cast("forms.ChoiceField", self.fields["rule"])
        choice.choices = [("", "–"), *((rule["id"], rule["id"]) for rule in able)]
        if machine is None:
            del self.fields["is_for_one_mac"]
        else:
            self.fields["is_for_one_mac"].label = _("Only on %(machine)s") % {"machine": machine.name}

    def as_exception(self, *, owner: str) -> dict[str, Any]:
        """As the policy document has it."""
        given = self.cleaned_data
        return {
            "id": given["code"],
            "rule": given["rule"],
            "match": {"remotes": read_patterns(given["remotes"])},
            "effect": given["effect"],
            "machines": [self.machine.public_id] if given.get("is_for_one_mac") else [],
            "owner": owner,
            "reason": {"en": given["reason_en"], "ja": given["reason_ja"]},
            "expires": given["expires"].isoformat(),
        }

    def add_problems(self, problems: Iterable[Problem], *, path: str) -> None:
        for problem in problems:
            sentence = _("Found %(found)s; allowed: %(allowed)s.") % problem_in_words(problem)
            below = problem.path.removeprefix(f"{path}.").split("[")[0].split(".")[0]
            field = _FIELD_OF_PATH.get(below) if problem.path.startswith(f"{path}.") else None
            field = field if field in self.fields else None
            self.add_error(field, sentence if field else f"{problem.path}: {sentence}")
