"""The questions of the first run."""

import re
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.common.forms import StyledFields
from portal.common.shell import LANGUAGES
from portal.setup.services import FirstRun

# What people paste is brought to `host/organisation/**`; a repository named in full stays as it is.
_PASTED = re.compile(r"^(?:[a-z+]+://)?(?:[^@/\s]+@)?(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)[/:](?P<path>\S+?)/*$")
_TIME_ZONES = {"ja": "Asia/Tokyo", "en": "UTC"}


def read_open_remote(line: str) -> str:
    """Raises ValidationError that quotes the line."""
    found = _PASTED.match(line)
    segments = found["path"].removesuffix(".git").split("/") if found else []
    if found is None or not all(segments) or segments[0].startswith("*"):
        raise ValidationError(gettext("“%(line)s” is not like github.com/acme.") % {"line": line})
    if len(segments) == 1:
        segments.append("**")
    return "/".join([found["host"].lower(), *segments])


class FirstRunForm(StyledFields, forms.Form):
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, widget=forms.RadioSelect)
    organisation = forms.CharField(label=_("Organisation"), max_length=100)
    name = forms.CharField(label=_("Your name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 12 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    has_nda = forms.ChoiceField(
        label=_("Does your team work under NDA?"),
        choices=(("yes", _("Yes")), ("no", _("No"))),
        widget=forms.RadioSelect,
    )
    open_remotes = forms.CharField(
        label=_("Which of your own organisations are open?"),
        required=False,
        help_text=_(
            "One per line, such as github.com/acme. Their repositories may go to the cloud; all others stay local."
        ),
        widget=forms.Textarea(attrs={"class": "code", "rows": 3, "spellcheck": "false"}),
    )

    def clean_open_remotes(self) -> tuple[str, ...]:
        lines = [line.strip() for line in self.cleaned_data["open_remotes"].splitlines()]
        return tuple(dict.fromkeys(read_open_remote(line) for line in lines if line))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if password := cleaned.get("password"):
            person = User(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
            try:
                validate_password(password, person)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned

    def to_first_run(self) -> FirstRun:
        cleaned = self.cleaned_data
        return FirstRun(
            name=cleaned["name"],
            email=cleaned["email"],
            password=cleaned["password"],
            language=cleaned["language"],
            organisation=cleaned["organisation"],
            time_zone=_TIME_ZONES[cleaned["language"]],
            has_nda=cleaned["has_nda"] == "yes",
            open_remotes=cleaned["open_remotes"],
        )
