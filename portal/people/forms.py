"""Forms of the pages about people."""

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import ABOUT_ROLES
from portal.accounts.models import Role
from portal.common.forms import StyledFields


class RoleForm(StyledFields, forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role, help_text=ABOUT_ROLES)
