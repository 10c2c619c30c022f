"""The ask box."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from machines.models import Machine
from portal.common.forms import StyledFields

# `github.com/acme/app`, as people say it: without a scheme git would take it for a folder.
_BARE = re.compile(r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+/")


class AskForm(StyledFields, forms.Form):
    task = forms.ChoiceField(label=_("Task"))
    remote = forms.CharField(
        label=_("Repository"),
        required=False,
        max_length=2000,
        widget=forms.TextInput(
            attrs={"placeholder": "github.com/acme/app", "spellcheck": "false", "list": "recent-remotes"}
        ),
    )
    machine = forms.ChoiceField(label=_("Mac"), required=False)

    def __init__(
        self, *args: Any, tasks: Sequence[tuple[str, str]], machines: Sequence[Machine], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._machines = {machine.public_id: machine for machine in machines}
        self._choices("task", tasks)
        named = [(machine.public_id, machine.name) for machine in machines]
        self._choices("machine", [*named, ("", _("none"))])

    def _choices(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - both are declared above
        field.choices = choices

    @property
    def machine_asked_for(self) -> Machine | None:
        return self._machines.get(self.cleaned_data["machine"])

    def to_document(self) -> dict[str, Any]:
        """The contract's request. Without a repository it is one anonymous project."""
        document: dict[str, Any] = {"task": self.cleaned_data["task"], "client": {"name": "claude", "mode": "tui"}}
        if remote := self.cleaned_data["remote"].strip():
            document["projects"] = [{"remotes": [f"https://{remote}" if _BARE.match(remote) else remote]}]
        if machine := self.cleaned_data["machine"]:
            document["machine"] = machine
        return document
