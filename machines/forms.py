"""The field for the code that a Mac shows, and the forms of the list."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from machines.enrolment import CodeRefusal, CodeRefusedError, look_up_code
from machines.health.choices import MachineState
from machines.models import Enrolment, MachineQuerySet
from portal.accounts.models import User

SENTENCES = {
    CodeRefusal.WRONG: _("No Mac waits with this code. Compare it with the Mac, or run 'kirikae enrol' again there."),
    CodeRefusal.LOCKED: _("Five wrong codes. Wait ten minutes, then run 'kirikae enrol' again on the Mac."),
}


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code on the Mac"),
        help_text=_("8 characters, valid for 10 minutes, 5 tries."),
        min_length=8,
        max_length=12,
        error_messages=dict.fromkeys(("min_length", "max_length"), _("A code has 8 characters, such as FC88-9XMH.")),
        widget=forms.TextInput(
            attrs={
                "class": "input code-big",
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
    )

    def find_enrolment(self, by: User) -> Enrolment | None:
        """Each wrong code counts against the person; what is wrong is added to the form."""
        if not self.is_valid():
            return None
        try:
            return look_up_code(code=self.cleaned_data["code"], by=by)
        except CodeRefusedError as refusal:
            self.add_error("code", SENTENCES[refusal.reason])
            return None


class FilterForm(forms.Form):
    """An odd state shows all, as a link that somebody has kept would."""

    state = forms.ChoiceField(label=_("State"), choices=[("", _("All")), *MachineState.choices], required=False)

    @property
    def shown_state(self) -> str:
        return str(self.cleaned_data.get("state", "")) if self.is_valid() else ""

    def narrow(self, machines: MachineQuerySet) -> MachineQuerySet:
        """Retired machines only when they are asked for."""
        if self.shown_state:
            return machines.filter(state=self.shown_state)
        return machines.exclude(state=MachineState.RETIRED)


class ActForm(forms.Form):
    """`all_of`: a state, for all machines in it instead of the ticked ones."""

    ACTIONS = (
        ("quarantine", _("Quarantine: local answers only")),
        ("release", _("Release from quarantine")),
        ("revoke", _("Revoke and retire")),
    )
    action = forms.ChoiceField(
        label=_("With the ticked Macs"), choices=ACTIONS, widget=forms.Select(attrs={"class": "select"})
    )
    machine = forms.TypedMultipleChoiceField(required=False, coerce=str)
    all_of = forms.ChoiceField(choices=[("", ""), *MachineState.choices], required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        # Ids are looked up among the visible machines; which exist is no secret worth a list here.
        ticked = data.getlist("machine")[:1000] if data is not None else []
        field = cast("forms.ChoiceField", self.fields["machine"])
        field.choices = [(one, one) for one in ticked]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("machine") and not cleaned.get("all_of"):
            self.add_error(None, _("Tick at least one Mac."))
        return cleaned

    def choose(self, machines: MachineQuerySet) -> MachineQuerySet:
        if self.cleaned_data["all_of"]:
            return machines.filter(state=self.cleaned_data["all_of"])
        return machines.filter(public_id__in=self.cleaned_data["machine"])
