"""Which addresses are connected to: all the ways to write what leads inside."""

import ipaddress
import socket
import threading
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.common import network_guard
from portal.common.network_guard import AddressRefusedError, Guard, NameNotFoundError, find_addresses

LAN = Guard((ip_network("10.20.0.0/16"), ip_network("fd12::/16")))
PUBLIC = Guard((), is_public_permitted=True)
EVERYTHING = Guard((ip_network("0.0.0.0/0"), ip_network("::/0")), is_public_permitted=True, is_loopback_permitted=True)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::a00:1",
        "::ffff:0:a9fe:a9fe",
        "5f00::1",
        "2002:7f00:1::",
        "2001:0:4136:e378::1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "::169.254.169.254",
        "ff02::1",
    ],
)
def test_no_list_permits_what_leads_around_the_check(text: str) -> None:
    assert not EVERYTHING.permits(ip_address(text))


@pytest.mark.parametrize("text", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_the_list_and_a_leave_of_its_own(text: str) -> None:
    address = ip_address(text)

    assert EVERYTHING.permits(address)
    assert not Guard(EVERYTHING.allowed, is_public_permitted=True).permits(address)
    assert not Guard((), is_loopback_permitted=True, is_public_permitted=True).permits(address)


@pytest.mark.parametrize(
    ("guard", "text", "is_permitted"),
    [
        (LAN, "10.20.3.4", True),
        (LAN, "::ffff:10.20.3.4", True),
        (LAN, "10.21.0.1", False),
        (LAN, "fd12::1", True),
        (LAN, "1.1.1.1", False),
        (PUBLIC, "1.1.1.1", True),
        (PUBLIC, "2606:4700::1111", True),
        (PUBLIC, "192.168.1.1", False),
        (PUBLIC, "100.64.0.1", False),
        (PUBLIC, "198.18.0.1", False),
        (PUBLIC, "fc00::1", False),
    ],
)
def test_the_list_and_public_addresses(guard: Guard, text: str, is_permitted: bool) -> None:
    assert guard.permits(ip_address(text)) is is_permitted


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_both_clothes(address: ipaddress.IPv4Address) -> None:
    mapped = ip_address(f"::ffff:{address}")

    for guard in (LAN, PUBLIC, EVERYTHING):
        assert guard.permits(mapped) is guard.permits(address)


@given(st.ip_addresses())
def test_public_only_never_leads_inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if PUBLIC.permits(address):
        assert address.is_global
        assert not address.is_loopback
        assert not address.is_link_local


def test_one_bad_address_condemns_the_name() -> None:
    with pytest.raises(AddressRefusedError):
        PUBLIC.choose([ip_address("1.1.1.1"), ip_address("10.0.0.1")])
    with pytest.raises(AddressRefusedError):
        PUBLIC.choose([])


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1"])
def test_every_way_to_write_loopback_is_found_to_be_it(host: str) -> None:
    assert find_addresses(host, 80) == [ip_address("127.0.0.1")]


def test_a_slow_resolver_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(network_guard, "RESOLVED_WITHIN_S", 0.02)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(5))

    with pytest.raises(NameNotFoundError):
        find_addresses("slow.example.org", 443)
    is_over.set()


@pytest.mark.parametrize("host", ["chat.hoshizora.invalid", "chat.Invalid.", "invalid"])
def test_no_resolver_is_asked_for_a_name_that_has_no_address(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name, **_: asked.append(name))

    with pytest.raises(NameNotFoundError):
        find_addresses(host, 443)

    assert asked == []
