"""Forms of the pages about people."""

from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from portal.common.forms import StyledFields


class SignInForm(StyledFields, AuthenticationForm):
    error_messages = {  # noqa: RUF012 - declared as an instance variable by Django
        "invalid_login": _("E-mail and password do not match."),
        "inactive": _("This account is closed. Ask an owner of the portal."),
    }
