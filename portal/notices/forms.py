"""Forms of the pages about notices."""

from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.common import clock
from portal.common.forms import StyledFields
from portal.notices.choices import Wishes
from portal.notices.destinations import UrlRefusedError, Wanted, check_url
from portal.notices.kinds import list_offered
from portal.notices.models import Channel, Choice, Destination

_REFUSALS = {
    "malformed": _("This is no address of a webhook. Copy it again from where it was made."),
    "scheme": _("The address must begin with https://."),
    "userinfo": _("The address must not hold a user, a password or a part behind #."),
    "address": _("The portal does not connect to this address. KIRIKAE_WEBHOOK_NETWORKS may list it."),
}
_SNOOZES = {"1": _("For 1 hour"), "4": _("For 4 hours"), "24": _("For 1 day"), "168": _("For 1 week")}


class KindsField(forms.MultipleChoiceField):
    """Which kinds of notices; none is a choice as well."""

    widget = forms.CheckboxSelectMultiple


def offer_kinds(form: forms.Form, person: User) -> None:
    kinds = cast("KindsField", form.fields["kinds"])
    kinds.choices = [(kind.code, kind.label) for kind in list_offered(is_admin=person.is_admin)]


class ChoiceForm(StyledFields, forms.Form):
    kinds = KindsField(label=_("By mail"), required=False)
    quiet_from = forms.TimeField(label=_("Quiet from"), required=False, widget=forms.TimeInput({"type": "time"}))
    quiet_to = forms.TimeField(label=_("Quiet until"), required=False, widget=forms.TimeInput({"type": "time"}))

    def __init__(self, *args: Any, person: User, choice: Choice, **kwargs: Any) -> None:
        offered = [kind.code for kind in list_offered(is_admin=person.is_admin)]
        initial = {
            "kinds": [code for code in offered if code not in choice.muted_by_mail],
            "quiet_from": choice.quiet_from,
            "quiet_to": choice.quiet_to,
        }
        super().__init__(*args, initial=initial, **kwargs)
        offer_kinds(self, person)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if (cleaned.get("quiet_from") is None) != (cleaned.get("quiet_to") is None):
            raise ValidationError(_("Give both hours of the quiet time, or none."))
        return cleaned

    @property
    def wishes(self) -> Wishes:
        cleaned = self.cleaned_data
        return Wishes(cleaned["kinds"], cleaned["quiet_from"], cleaned["quiet_to"])


class SnoozeForm(StyledFields, forms.Form):
    hours = forms.ChoiceField(label=_("Snooze"), choices=list(_SNOOZES.items()))

    @property
    def until(self) -> datetime:
        return clock.now() + timedelta(hours=int(self.cleaned_data["hours"]))


class KindsForm(StyledFields, forms.Form):
    kinds = KindsField(label=_("What comes there"), required=False)

    def __init__(self, *args: Any, destination: Destination, person: User, **kwargs: Any) -> None:
        prefix = destination.public_id
        super().__init__(*args, initial={"kinds": destination.kinds}, prefix=prefix, **kwargs)
        offer_kinds(self, destination.person or person)


class DestinationForm(StyledFields, forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    channel = forms.ChoiceField(
        label=_("Kind"), choices=[choice for choice in Channel.choices if choice[0] != Channel.MAIL]
    )
    # A secret: browsers neither show nor remember it, and a refused form comes back without it.
    url = forms.CharField(
        label=_("Address"),
        max_length=1000,
        help_text=_("Never shown again."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "url"}),
    )
    person = forms.ModelChoiceField(
        label=_("Whose"), queryset=User.objects.none(), required=False, empty_label=_("The team's")
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    kinds = KindsField(label=_("What comes there"), required=False)

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = cast("forms.ModelChoiceField[User]", self.fields["person"])
        people.queryset = User.objects.filter(is_active=True).order_by("name")
        offer_kinds(self, by)
        self.fields["kinds"].initial = [kind.code for kind in list_offered(is_admin=by.is_admin)]

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        try:
            check_url(url)
        except UrlRefusedError as error:
            raise ValidationError(_REFUSALS[error.code]) from error
        return url

    @property
    def wanted(self) -> Wanted:
        cleaned = self.cleaned_data
        return Wanted(
            channel=Channel(cleaned["channel"]),
            name=cleaned["name"],
            url=cleaned["url"],
            kinds=cleaned["kinds"],
            language=cleaned["language"],
            person=cleaned["person"],
        )
