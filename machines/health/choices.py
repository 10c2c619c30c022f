"""The words of health: what a machine's state can be."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MachineState(models.TextChoices):
    PENDING = "pending", _("Pending")
    ONLINE = "online", _("Online")
    ASLEEP = "asleep", _("Asleep")
    DEGRADED = "degraded", _("Degraded")
    LATE = "late", _("Late")
    OFFLINE = "offline", _("Offline")
    MISSING = "missing", _("Missing")
    QUARANTINED = "quarantined", _("Quarantined")
    RETIRED = "retired", _("Retired")

    @property
    def icon(self) -> str:
        """States differ by the shape of their mark, not by colour alone."""
        return _ICONS[self.value]


_ICONS = {
    "pending": "dash",
    "online": "on",
    "asleep": "moon",
    "degraded": "half",
    "late": "clock",
    "offline": "off",
    "missing": "warn",
    "quarantined": "lock",
    "retired": "strike",
}


class QuarantineReason(models.TextChoices):
    """Why a machine may report but gets local answers only."""

    PERSON = "person", _("set by a person")
    CLONED = "cloned", _("two machines use one token")


class PollSource(models.TextChoices):
    """Who says that a thing was up: the portal's own look, or the machine's report."""

    POLL = "poll", _("Polled")
    REPORT = "report", _("Reported")


class PollFailure(models.TextChoices):
    """Why a look failed."""

    ADDRESS_REFUSED = "address_refused", _("the address is not allowed")
    TIMEOUT = "timeout", _("no whole answer in time")
    UNREACHABLE = "unreachable", _("no connection")
    REDIRECTED = "redirected", _("redirects elsewhere")
    HTTP_ERROR = "http_error", _("answers with an error")
    TOO_LARGE = "too_large", _("the answer is too large")
    GARBAGE = "garbage", _("the answer is none of its kind")
    OTHER_MACHINE = "other_machine", _("another Mac answers")
