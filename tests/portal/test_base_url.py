"""The portal's public address and its port for agents: odd ones are refused, and forms work behind a TLS proxy."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from portal.accounts.models import User
from portal.env import origin_of, read_port, read_url
from tests.running import portal_environment

PUBLIC = "https://kirikae.example.org"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "https://",
        "https://a b",
        "https://user@x",
        "https://x?q",
        "https://x#y",
        "https://*.x",
        "https://x:0",
    ],
)
def test_odd_addresses_are_refused_by_name(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIKAE_BASE_URL", url)

    with pytest.raises(ImproperlyConfigured, match="KIRIKAE_BASE_URL"):
        read_url("KIRIKAE_BASE_URL", default="")


@pytest.mark.parametrize("odd", ["0", "-1", "65536", "8444.0", "http", "8_444", "٨", "9" * 5000, ":8444"])
def test_an_odd_port_for_agents_is_refused_by_name(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIKAE_AGENTS_PORT", odd)

    with pytest.raises(ImproperlyConfigured, match=r"KIRIKAE_AGENTS_PORT.* from 1 to 65535"):
        read_port("KIRIKAE_AGENTS_PORT")


@pytest.mark.parametrize(("text", "port"), [("", None), (" ", None), ("8444", 8444), ("65535", 65_535)])
def test_without_a_port_for_agents_there_is_none(text: str, port: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIKAE_AGENTS_PORT", text)

    assert read_port("KIRIKAE_AGENTS_PORT") == port


@pytest.mark.parametrize(
    ("url", "address", "origin"),
    [
        (f"{PUBLIC}:443/", PUBLIC, PUBLIC),
        ("https://Kirikae.Example.org:8443", f"{PUBLIC}:8443", f"{PUBLIC}:8443"),
        ("http://[::1]:80/kirikae/", "http://[::1]/kirikae", "http://[::1]"),
    ],
)
def test_addresses_are_written_as_browsers_do(
    url: str, address: str, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIRIKAE_BASE_URL", url)

    assert read_url("KIRIKAE_BASE_URL", default="") == address
    assert origin_of(url) == origin


@pytest.mark.slow
def test_the_settings_trust_forms_of_the_public_address(tmp_path: Path) -> None:
    environment = portal_environment(KIRIKAE_BASE_URL=f"{PUBLIC}/kirikae", KIRIKAE_DATA_DIR=str(tmp_path))
    program = "from portal import settings; print(settings.CSRF_TRUSTED_ORIGINS)"
    command = [sys.executable, "-c", program]

    told = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=True).stdout

    assert told.strip() == str([PUBLIC])


@pytest.mark.django_db
@pytest.mark.parametrize(("origin", "status"), [(PUBLIC, 302), ("https://elsewhere.example", 403)])
def test_forms_work_behind_a_proxy_that_ends_tls(origin: str, status: int, aiko: User, settings: Any) -> None:
    """Browsers send the origin that they see, with https; the portal itself is spoken to without TLS."""
    settings.CSRF_TRUSTED_ORIGINS = [PUBLIC]
    browser = Client(enforce_csrf_checks=True, headers={"host": "kirikae.example.org"})
    browser.force_login(aiko)
    browser.get("/")
    token = browser.cookies["csrftoken"].value

    answer = browser.post("/sign-out", {"csrfmiddlewaretoken": token}, headers={"origin": origin})

    assert answer.status_code == status
