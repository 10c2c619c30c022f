"""Mails land in Django's own outbox, at a fixed time, in an organisation in Tokyo."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from pytest_django.fixtures import Settings

from portal.common.models import PolicyHead

# Monday, 18:00 in Tokyo.
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DATA = {"machines": ["ben-mini"], "count": 1, "since": "2026-11-23T08:55:00+00:00", "incident": "i_1"}


@pytest.fixture(autouse=True)
def _mail(settings: Settings) -> None:
    settings.MAIL_FROM = "Kirikae <kirikae@example.org>"
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    settings.BASE_URL = "https://kirikae.example.org"


@pytest.fixture(autouse=True)
def _tokyo(db: None) -> None:
    PolicyHead.objects.update_or_create(pk=1, defaults={"time_zone": "Asia/Tokyo"})


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
