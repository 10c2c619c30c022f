"""Why a benchmark speaks only for itself."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SetAside(models.TextChoices):
    PRESSURE = "pressure", _("Taken while memory was short")
    LOW_POWER = "low_power", _("Taken while the Mac saved power")
    IMPLAUSIBLE = "implausible", _("Not a speed of this chip with this model")
