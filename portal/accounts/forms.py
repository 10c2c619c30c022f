"""Forms of the pages about people."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts import sign_in_limit
from portal.common.forms import StyledFields


class SignInForm(StyledFields, AuthenticationForm):
    error_messages = {  # noqa: RUF012 - declared as an instance variable by Django
        "invalid_login": _("E-mail and password do not match."),
        "inactive": _("This account is closed. Ask an owner of the portal."),
        "locked": _("Too many tries. Wait ten minutes, then try again."),
    }

    def clean(self) -> dict[str, Any]:
        attempt = sign_in_limit.SignInTry(
            email=self.cleaned_data.get("username", "").strip().lower()[:254],
            address=self.request.META.get("REMOTE_ADDR", "") if self.request else "",
        )
        # Before the password is looked at: a locked guesser learns nothing, not even when right.
        if sign_in_limit.is_locked(attempt):
            raise ValidationError(self.error_messages["locked"], code="locked")
        try:
            cleaned = super().clean()
        except ValidationError:
            sign_in_limit.note_failure(attempt)
            raise
        sign_in_limit.forget_failures(attempt)
        return cleaned
