"""The filters of the decision log. They live in the address, so a filtered page can be linked."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from machines.models import Machine
from portal.common.forms import StyledFields
from routing.log_filter import LogFilter

BACKEND_CHOICES = [("", _("All")), ("local", _("Local")), ("cloud", _("Cloud")), ("none", _("Refused"))]


# Nothing was decided outside of these, and the moments at which such days begin and end are no dates any more.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)


def _day(label: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date", "min": FIRST_DAY, "max": LAST_DAY}, format="%Y-%m-%d")
    limits = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
    return forms.DateField(label=label, required=False, widget=widget, validators=limits)


class LogFilterForm(StyledFields, forms.Form):
    backend = forms.ChoiceField(label=_("Answer"), required=False, choices=BACKEND_CHOICES)
    task = forms.ChoiceField(label=_("Task"), required=False)
    machine = forms.ChoiceField(label=_("Mac"), required=False)
    remote = forms.CharField(
        label=_("Repository"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "acme/app", "spellcheck": "false"}),
    )
    first_day = _day(_("From"))
    last_day = _day(_("Until"))

    def __init__(
        self, *args: Any, tasks: Sequence[tuple[str, str]], machines: Iterable[Machine], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._choices("task", tasks)
        self._choices("machine", [(machine.public_id, machine.name) for machine in machines])

    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("first_day"), self.cleaned_data.get("last_day")
        if first and last and last < first:
            sentence = _("The last day is before the first (%(first)s). Choose a later one or leave it empty.")
            self.add_error("last_day", forms.ValidationError(sentence, params={"first": first}))
        return self.cleaned_data

    def as_filter(self) -> LogFilter:
        return LogFilter(**self.cleaned_data)

    @property
    def query(self) -> str:
        """What is asked for as the query of an address, without what is not; it ends where a cursor can follow."""
        asked = {name: self.data[name] for name in self.fields if self.data.get(name)}
        return f"{urlencode(asked)}&" if asked else ""

    def _choices(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - both are declared above
        field.choices = [("", _("All")), *choices]
