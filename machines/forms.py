"""The field for the code that a Mac shows."""

from django import forms
from django.utils.translation import gettext_lazy as _

from machines.enrolment import CodeRefusal, CodeRefusedError, look_up_code
from machines.models import Enrolment
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
