"""Forms of the pages about people."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts import sign_in_limit
from portal.accounts.models import Invitation, Role, User
from portal.common.client_address import address_of
from portal.common.forms import StyledFields

# Whoever guesses is not told that the password was right and only the account is closed.
_NO_MATCH = _("E-mail and password do not match.")


class SignInForm(StyledFields, AuthenticationForm):
    # Phones then show the keyboard that has an @.
    username = UsernameField(widget=forms.TextInput(attrs={"autofocus": True, "inputmode": "email"}))
    error_messages = {  # noqa: RUF012 - declared as an instance variable by Django
        "invalid_login": _NO_MATCH,
        "inactive": _NO_MATCH,
        "locked": _("Too many tries. Wait ten minutes, then try again."),
    }

    def clean(self) -> dict[str, Any]:
        attempt = sign_in_limit.SignInTry(
            email=self.cleaned_data.get("username", "").strip().lower()[:254],
            address=address_of(self.request.META) if self.request else "",
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


# What the roles differ in: see the properties of `User`.
ABOUT_ROLES = _(
    "Owners look after people and all the rest. Policy admins write policy and look after all Macs. Auditors see "
    "everything of the team. Team leads and developers see what is theirs."
)


class InviteForm(StyledFields, forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100)
    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=Role, initial=Role.DEVELOPER, help_text=ABOUT_ROLES)

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise ValidationError(_("This person has an account already."))
        return email


class PasswordForm(StyledFields, forms.Form):
    """The password of whoever has the link, checked against what is known of them."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 12 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, invitation: Invitation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._person = User(email=invitation.email, name=invitation.name)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self._person)
        return password
