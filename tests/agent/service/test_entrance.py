"""The entrance for agents: where messages go when it answers, is slow, is out of reach, or is another's."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from kirikae.errors import PortalError
from kirikae.home import Enrolment, Home
from kirikae.service.beat import Message, exchange
from kirikae.service.entrance import ROUND, SHUT_S, SLOW, THROUGH, Entrance
from kirikae.service.link import PortalLink

from tests.agent.portal import Portal
from tests.agent.running_service import running_service, wait_for
from tests.agent.standin import Behaviour, answer, garbage, hang, redirect, standin
from tests.running import free_port

NEW, KNOWN = Entrance(8444), Entrance(8444, is_known=True)
GOOD: dict[str, object] = {"heartbeat_s": 60, "agents_port": 8444}
type Answers = Mapping[int | None, dict[str, object] | PortalError]


def unreachable(reason: str) -> PortalError:
    return PortalError("portal.unreachable", url="http://x", reason=reason)


def refused() -> PortalError:
    return PortalError("portal.refused", problem="rate.limited", status=429)


def posting(answers: Answers, asked: list[int | None]) -> Callable[[int | None], dict[str, object]]:
    def post(port: int | None) -> dict[str, object]:
        asked.append(port)
        told = answers[port]
        if isinstance(told, PortalError):
            raise told
        return dict(told)

    return post


def exchanged(entrance: Entrance, answers: Answers, *, now: float = 0.0) -> tuple[Entrance, list[int | None]]:
    """The entrance after one message, and where that went."""
    asked: list[int | None] = []
    try:
        told = entrance.send(posting(answers, asked))
    except PortalError as error:
        told = {"passed": error.data.get("passed")}
    return entrance.after(now, told), asked


def test_without_one_messages_go_to_the_portals_address() -> None:
    assert exchanged(Entrance(), {None: {"heartbeat_s": 60}}) == (Entrance(), [None])


def test_one_that_the_portal_names_is_used_from_the_next_message_on() -> None:
    named, first = exchanged(Entrance(), {None: GOOD})
    known, second = exchanged(named, {8444: GOOD})

    assert (first, second) == ([None], [8444])
    assert known == KNOWN


def test_one_that_the_portal_no_longer_names_is_forgotten() -> None:
    after, _ = exchanged(KNOWN, {8444: GOOD | {"agents_port": None}})

    assert after == Entrance()


@pytest.mark.parametrize("odd", [0, -1, 65_536, True, 8444.0, "8444", "x@evil.example:1", [8444], {}])
def test_an_odd_port_is_none(odd: object) -> None:
    assert KNOWN.after(0.0, GOOD | {"agents_port": odd}) == Entrance()


@pytest.mark.parametrize("reason", ["refused", "garbage", "redirected", "too_large", "timeout"])
def test_an_unknown_one_out_of_reach_delays_no_message_and_is_left_alone_for_a_while(reason: str) -> None:
    after, asked = exchanged(NEW, {8444: unreachable(reason), None: GOOD}, now=100.0)

    assert asked == [8444, None]
    assert after.port_at(100.0 + SHUT_S - 1) is None
    assert after.port_at(100.0 + SHUT_S) == 8444


def test_a_known_one_that_is_starting_anew_is_tried_once_more() -> None:
    away: Answers = {8444: unreachable("refused"), None: GOOD}

    once, first = exchanged(KNOWN, away, now=100.0)
    twice, second = exchanged(once, away, now=160.0)

    assert first == second == [8444, None]
    assert once.port_at(160.0) == 8444
    assert twice.port_at(161.0) is None


def test_a_slow_one_is_not_left_for_the_portals_address_at_once() -> None:
    """Ten thousand who wait there would all come to where people wait."""
    slow: Answers = {8444: unreachable("timeout"), None: GOOD}

    once, first = exchanged(KNOWN, slow)
    _, second = exchanged(once, slow)

    assert (first, second) == ([8444], [8444, None])


def test_while_all_of_the_portal_is_away_it_stays_open() -> None:
    after, asked = exchanged(KNOWN, {8444: unreachable("refused"), None: unreachable("refused")})

    assert asked == [8444, None]
    assert after == KNOWN


def test_what_the_portal_refuses_there_it_is_not_asked_again() -> None:
    after, asked = exchanged(NEW, {8444: refused()})

    assert asked == [8444]
    assert after == KNOWN


@pytest.mark.parametrize("strange", [{}, {"detail": "no such page"}, PortalError("portal.refused", status=404)])
def test_another_server_at_that_port_is_no_entrance(strange: dict[str, object] | PortalError) -> None:
    after, asked = exchanged(NEW, {8444: strange, None: GOOD})

    assert asked == [8444, None]
    assert after.port_at(1.0) is None


@pytest.mark.parametrize(
    ("portal", "entrance"),
    [
        ("https://kirikae.example.org", "https://kirikae.example.org:8444"),
        ("https://kirikae.example.org:9443/portal", "https://kirikae.example.org:8444/portal"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8444"),
        ("https://[2001:db8::1]:9443", "https://[2001:db8::1]:8444"),
    ],
)
def test_it_is_a_port_of_the_portals_host(home: Home, portal: str, entrance: str) -> None:
    """So whatever an answer says, the token goes to no other host and to no weaker scheme."""
    home.save_enrolment(Enrolment(portal, machine="m_1", name="ben-mini", signing_key="k"), token="kmt_ID_SECRET")

    assert PortalLink(home, port=8444)._url == entrance


def message_through(home: Home, portal: Portal, entrance: Behaviour, *, is_known: bool) -> dict[str, object]:
    with standin(portal) as url, standin(entrance) as there:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        through = Entrance(urlsplit(there).port, is_known=is_known)
        return exchange(home, Message("b" * 32, 1, entrance=through))


@pytest.mark.parametrize("odd", [garbage, redirect, lambda _, send: send(answer(b"", status="502 Bad Gateway"))])
def test_a_real_one_that_fails_sends_the_message_round(home: Home, portal: Portal, odd: Behaviour) -> None:
    told = message_through(home, portal, odd, is_known=True)

    assert (told["ok"], told["passed"]) == (True, ROUND)
    assert [one["sequence"] for one in portal.bodies("/api/v1/heartbeats")] == [1]


def test_a_real_one_that_hangs_keeps_the_message_for_later(
    home: Home, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kirikae.service.link.TIMEOUT_S", 0.3)

    told = message_through(home, portal, hang, is_known=True)

    assert (told["ok"], told["error"], told["passed"]) == (False, "portal.unreachable", SLOW)
    assert portal.bodies("/api/v1/heartbeats") == []


def test_the_token_of_a_revoked_machine_is_refused_there_as_well(home: Home, portal: Portal) -> None:
    there = Portal(refusal="token.revoked")

    told = message_through(home, portal, there, is_known=False)

    assert (told["ok"], told["passed"]) == (False, THROUGH)
    assert portal.requests == []


@pytest.mark.slow
def test_the_service_goes_where_the_portal_tells_it_and_back(home: Home, portal: Portal) -> None:
    with ExitStack() as stack:
        url, there = stack.enter_context(standin(portal)), Portal()
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        with standin(there) as entrance:
            portal.agents_port = there.agents_port = urlsplit(entrance).port
            stack.enter_context(running_service(home))
            wait_for(lambda: len(there.bodies("/api/v1/heartbeats")) > 0)
            wait_for(lambda: home.read_json("service.json").get("agents_port") == there.agents_port)
            before = len(portal.bodies("/api/v1/heartbeats"))
        wait_for(lambda: len(portal.bodies("/api/v1/heartbeats")) > before)

    assert {path for _, path, _, _ in there.requests} <= {"/api/v1/heartbeats", "/api/v1/reports"}


def test_nothing_at_that_port_is_noticed_at_once(home: Home, portal: Portal) -> None:
    with standin(portal) as url:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        told = exchange(home, Message("b" * 32, 1, entrance=Entrance(free_port())))

    assert (told["ok"], told["passed"]) == (True, ROUND)
