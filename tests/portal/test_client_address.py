"""Limits count by the address that a trusted proxy names, and by nobody else's word."""

from ipaddress import ip_network

import pytest
from pytest_django.fixtures import Settings

from portal.common.client_address import address_of

PROXY = "127.0.0.1"


@pytest.fixture(autouse=True)
def trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = (ip_network(PROXY), ip_network("fd00::/8"))


@pytest.mark.parametrize("peer", ["127.0.0.1", "::ffff:127.0.0.1", "fd00::5"])
def test_the_last_word_of_a_trusted_proxy_counts(peer: str) -> None:
    said = "203.0.113.9, 198.51.100.1,10.20.0.1"

    assert address_of({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": said}) == "10.20.0.1"


@pytest.mark.parametrize("peer", ["10.20.0.7", "127.0.0.2", ""])
def test_nobody_else_is_believed(peer: str) -> None:
    assert address_of({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "10.20.0.1"}) == peer


@pytest.mark.parametrize(
    "said", ["", "unknown", "10.20.0.1,", "10.20.0.1:5000", "fe80::1%eth0", "10.20.0.1 ; DROP", "x" * 9000]
)
def test_what_is_no_address_leaves_the_proxys_own(said: str) -> None:
    assert address_of({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": said}) == PROXY


@pytest.mark.parametrize(
    ("said", "address"),
    [("::ffff:10.20.0.1", "10.20.0.1"), ("2001:DB8:0::1", "2001:db8::1"), (" 10.20.0.1 ", "10.20.0.1")],
)
def test_one_address_has_one_form(said: str, address: str) -> None:
    assert address_of({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": said}) == address


def test_without_a_word_it_is_the_connection() -> None:
    assert address_of({"REMOTE_ADDR": "10.20.0.7"}) == "10.20.0.7"
