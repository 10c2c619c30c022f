"""Nothing is sent where nothing may be sent: every way to write an address, and names that answer as they like."""

import ipaddress
import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from machines.health.models import PollTarget
from machines.health.polling.addresses import PollGuard, is_of_this_host, make_guard
from machines.health.polling.probes import Target, look_at_all
from portal.common import network_guard
from portal.common.network_guard import Address, AddressRefusedError, Guard, find_addresses

LAN = (ip_network("10.0.0.0/8"), ip_network("fd12::/16"))
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def guard(*networks: ipaddress.IPv4Network | ipaddress.IPv6Network, own: frozenset[Address] = frozenset()) -> PollGuard:
    return PollGuard(networks=Guard(allowed=networks or EVERYTHING), own=own, is_here=lambda _: False)


def is_permitted(text: str, *networks: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        guard(*networks).choose([ipaddress.ip_address(text)])
    except AddressRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "localhost",
        "１２７.0.0.1",
        "127。0。0。1",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "::ffff:0:7f00:1",
        "2002:7f00:1::",
        "169.254.169.254",
        "2852039166",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%lo",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_no_way_to_write_a_forbidden_address_opens_a_connection(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the admin allowed every network there is."""
    opened: list[object] = []
    monkeypatch.setattr("anyio.connect_tcp", lambda *place, **_: opened.append(place))

    [look] = look_at_all([Target(1, PollTarget.AGENT, host, 80)], guard=guard(), resolve=find_addresses)

    assert look.failure in ("address_refused", "unreachable")
    assert not opened


@pytest.mark.parametrize(
    "host", ["user@10.0.0.7", "10.0.0.7/path", "10.0.0.7#", "10.0.0.7?x", "a b", "", "[", "\n10.0.0.7"]
)
def test_what_is_no_host_is_no_target(host: str) -> None:
    [look] = look_at_all([Target(1, PollTarget.AGENT, host, 80)], guard=guard(*LAN), resolve=lambda *_: [])

    assert look.failure in ("address_refused", "unreachable")


@pytest.mark.parametrize(
    ("answers", "is_let_through"),
    [
        (["10.0.0.7"], True),
        (["fd12::7"], True),
        (["10.0.0.7", "127.0.0.1"], False),
        (["10.0.0.7", "192.168.0.1"], False),
        (["10.0.0.7", "fe80::1"], False),
        ([], False),
    ],
)
def test_one_bad_answer_of_a_name_condemns_it(answers: list[str], is_let_through: bool) -> None:
    found = [ipaddress.ip_address(answer) for answer in answers]
    try:
        guard(*LAN).choose(found)
    except AddressRefusedError:
        assert not is_let_through
    else:
        assert is_let_through


def test_name_is_asked_once_so_another_answer_a_moment_later_leads_nowhere() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [IPv4Address("127.0.0.1" if len(asked) > 1 else "10.255.255.1")]

    look_at_all(
        [Target(1, PollTarget.AGENT, "mac.example", 9)], guard=guard(ip_network("10.1.0.0/16")), resolve=rebinding
    )

    assert asked == ["mac.example"]


def test_address_of_this_host_and_of_the_portals_services_is_refused() -> None:
    assert is_of_this_host(IPv4Address("127.0.0.1"))
    assert not is_of_this_host(IPv4Address("192.0.2.1"))
    with pytest.raises(AddressRefusedError):
        guard(own=frozenset({IPv4Address("10.0.0.7")})).choose([IPv4Address("10.0.0.7")])
    with pytest.raises(AddressRefusedError):
        guard(own=frozenset({IPv4Address("10.0.0.7")})).choose([IPv6Address("::ffff:10.0.0.7")])
    here = PollGuard(networks=Guard(allowed=EVERYTHING), is_here=lambda _: True)
    with pytest.raises(AddressRefusedError):
        here.choose([IPv4Address("10.0.0.7")])


def test_a_dead_resolver_does_not_keep_the_poller_from_looking(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(network_guard, "RESOLVED_WITHIN_S", 0.02)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(5))
    settings.BASE_URL = "https://kirikae.example.org"

    assert make_guard().own == frozenset()
    is_over.set()


def fail_to_resolve(*_: object, **__: object) -> None:
    raise OSError


def test_services_of_the_portal_stay_refused_while_the_resolver_is_away(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.BASE_URL = "https://portal.example.org"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.0.0.7", 0))])
    before = make_guard().own

    monkeypatch.setattr(socket, "getaddrinfo", fail_to_resolve)

    assert make_guard().own == before == {IPv4Address("10.0.0.7")}


def test_slow_names_of_targets_keep_no_other_name_from_being_found(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, resolve = threading.Event(), socket.getaddrinfo
    monkeypatch.setattr(network_guard, "RESOLVED_WITHIN_S", 0.2)

    def ask(host: str, *arguments: Any, **options: Any) -> Any:
        return is_over.wait(10) if host.endswith(".slow.example") else resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    looks = look_at_all([Target(n, "ollama", f"{n}.slow.example", 80) for n in range(20)], guard=guard())
    try:
        found = find_addresses("127.0.0.1", 80)
    finally:
        is_over.set()

    assert {look.failure for look in looks} == {"unreachable"}
    assert found == [IPv4Address("127.0.0.1")]


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_only_addresses_within_the_admins_networks_are_permitted(address: Address) -> None:
    if is_permitted(str(address), *LAN):
        # An IPv4 address may come written as IPv6, in the form of today or that of long ago.
        meant = address if address.version == 4 or int(address) >> 48 else IPv4Address(int(address) & 0xFFFFFFFF)
        assert any(meant.version == network.version and meant in network for network in LAN)


def test_lan_address_written_as_ipv6_is_judged_as_what_it_is() -> None:
    assert is_permitted("::ffff:10.0.0.7", *LAN)
    assert not is_permitted("::ffff:192.0.2.7", *LAN)


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_forbidden_ipv4_is_forbidden_in_all_clothes_of_ipv6(address: IPv4Address) -> None:
    number = int(address)
    clothes = [number, (0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)]

    assert not is_permitted(str(address))
    assert not any(is_permitted(str(IPv6Address(one))) for one in clothes)
