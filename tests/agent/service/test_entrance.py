"""The entrance for agents: where messages go when it answers, is slow, is out of reach, or is another's."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from threading import Event
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


def refused(problem: object = "rate.limited", status: int = 429) -> PortalError:
    return PortalError("portal.refused", problem=problem, status=status)


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


def test_no_answer_says_by_itself_how_it_came() -> None:
    assert Entrance().send(posting({None: GOOD | {"passed": ROUND}}, []))["passed"] is None


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


@pytest.mark.parametrize("much", [refused(), refused("portal.busy", 503)])
def test_what_is_too_much_there_does_not_come_to_where_people_wait(much: PortalError) -> None:
    after, asked = exchanged(NEW, {8444: much})

    assert asked == [8444]
    assert after == KNOWN


def test_a_portal_that_is_not_theirs_keeps_no_agent_from_their_own() -> None:
    """Two on one host, and the port of the other one named: it knows no token of theirs."""
    after, asked = exchanged(KNOWN, {8444: refused("token.unknown", 401), None: GOOD | {"agents_port": 8445}})

    assert asked == [8444, None]
    assert after == Entrance(8445)


def test_what_both_refuse_is_refused() -> None:
    revoked = refused("token.revoked", 401)

    after, asked = exchanged(KNOWN, {8444: revoked, None: revoked})

    assert asked == [8444, None]
    assert after == KNOWN


def test_one_out_of_reach_is_left_alone_although_the_portal_refuses() -> None:
    after, _ = exchanged(NEW, {8444: unreachable("timeout"), None: refused("report.later")})

    assert after.port_at(1.0) is None


def test_the_entrance_of_one_portal_is_none_of_another() -> None:
    before = Entrance(8444, is_known=True, portal="https://a.example")

    assert before.of("https://a.example") is before
    assert before.of("https://b.example") == Entrance(portal="https://b.example")
    assert before.after(0.0, GOOD | {"portal": "https://b.example"}) == Entrance(8444, portal="https://b.example")
    assert before.after(0.0, {}) is before


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"detail": "no such page"},
        refused(None, 404),
        refused(404, 404),
        refused(503, 503),
        refused("NotFound", 500),
    ],
)
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
        through = Entrance(urlsplit(there).port, is_known=is_known, portal=url)
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


def test_the_token_of_a_revoked_machine_is_refused_there_as_well(home: Home) -> None:
    here, there = Portal(refusal="token.revoked"), Portal(refusal="token.revoked")

    told = message_through(home, here, there, is_known=False)

    assert (told["ok"], told["passed"]) == (False, THROUGH)
    assert home.read_json("seen.json").get("withdrawn") == "token.revoked"


def test_another_portal_there_withdraws_no_policy(home: Home, portal: Portal) -> None:
    told = message_through(home, portal, Portal(refusal="token.unknown"), is_known=True)

    assert (told["ok"], told["passed"]) == (True, ROUND)
    assert home.read_json("seen.json").get("withdrawn") is None


def test_after_another_enrolment_the_new_token_goes_to_the_new_portal_alone(home: Home, portal: Portal) -> None:
    with standin(portal) as url, standin(Portal()) as other:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_NEW")
        before = Entrance(urlsplit(other).port, is_known=True, portal="http://old.example")
        told = exchange(home, Message("b" * 32, 1, entrance=before))

    assert (told["ok"], told["passed"], told["portal"]) == (True, None, url)


@pytest.mark.slow
def test_a_goodbye_does_not_wait_for_an_entrance_that_hangs(home: Home, portal: Portal) -> None:
    def fall_silent(request: bytes, send: Callable[[bytes], None]) -> None:
        if b"/heartbeats " in request and len(there.requests) > 1:
            is_left.wait(20)
        else:
            there(request, send)

    there, is_left = Portal(), Event()
    with ExitStack() as stack:
        url, entrance = stack.enter_context(standin(portal)), stack.enter_context(standin(fall_silent))
        stack.callback(is_left.set)
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        portal.agents_port = there.agents_port = urlsplit(entrance).port
        with running_service(home):
            wait_for(lambda: home.read_json("service.json").get("agents_port") == there.agents_port)

    assert [one["announce"] for one in portal.bodies("/api/v1/heartbeats")][-1] == "sleep"


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
        told = exchange(home, Message("b" * 32, 1, entrance=Entrance(free_port(), portal=url)))

    assert (told["ok"], told["passed"]) == (True, ROUND)
