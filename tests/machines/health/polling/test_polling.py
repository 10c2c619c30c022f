"""The poll cycle against servers of this host that answer, drip, lie, redirect and hang."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import override_settings

from machines.health.availability import SUBJECTS_A_DAY, list_shares
from machines.health.evaluating import evaluate_due
from machines.health.models import Availability, Health, PollTarget
from machines.health.polling import cycle, probes
from machines.health.polling.addresses import PollGuard
from machines.health.polling.probes import Target, look_at_all
from machines.models import Machine
from machines.tasks import enqueue_polls
from portal.common.network_guard import Address, Guard, NameNotFoundError
from portal.common.sealing import seal
from tests.machines.conftest import REPORT, Agent

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LOOPBACK = (ip_network("127.0.0.1"),)
# Only here: the guard of the portal never permits loopback.
HERE = PollGuard(networks=Guard(allowed=LOOPBACK, is_loopback_permitted=True), is_here=lambda _: False)
LAN = (ip_network("10.0.0.0/8"),)


@dataclass
class Server:
    """Answers by the first part of the token, so that one server plays all kinds of agents."""

    port: int = 0
    requests: list[str] = field(default_factory=list)


def document(machine: str = "m_1", **changes: Any) -> bytes:
    runtime = {"kind": "ollama", "state": "up", "loaded": ["qwen3:8b"], "effective_context_tokens": 8192}
    whole = {"schema": 1, "machine": machine, "agent_version": "0.1.0", "boot_id": "a" * 32, "sequence": 7, "state": {}}
    return json.dumps({**whole, "runtimes": [runtime], "time": "2026-11-25T09:00:00Z", **changes}).encode()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


ANSWERS = {
    "good": http(document()),
    "other": http(document("m_2")),
    "garbage": http(b"<html>"),
    "list": http(b"[]"),
    "deep": http(b"[" * 5000),
    "extra": http(document(prompt="canary")),
    "error": http(b"{}", "500 Oops"),
    "redirect": http(b"", "302 Found", "Location: http://169.254.169.254/latest/meta-data"),
    "large": http(b"x" * 70_000),
    "packed": http(b"\x1f\x8b" + b"\0" * 50, "200 OK", "Content-Encoding: gzip"),
    "cut": http(document())[:-20],
    "no-http": b"220 mail.example ESMTP\r\n",
}
FAILURES = {
    "good": "",
    "other": "other_machine",
    "garbage": "garbage",
    "list": "garbage",
    "deep": "garbage",
    "extra": "garbage",
    "error": "http_error",
    "redirect": "redirected",
    "large": "too_large",
    "packed": "garbage",
    "cut": "unreachable",
    "no-http": "unreachable",
    "drip": "timeout",
    "hang": "timeout",
}


@pytest.fixture
def server() -> Iterator[Server]:
    played = Server()
    started, loop = threading.Event(), asyncio.new_event_loop()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        played.requests.append(request)
        kind = request.partition("Bearer ")[2].partition("\r\n")[0]
        if kind in ANSWERS:
            writer.write(ANSWERS[kind])
            await writer.drain()
        elif kind == "drip":
            for byte in ANSWERS["good"]:
                writer.write(bytes([byte]))
                await asyncio.sleep(1)
        else:
            await asyncio.sleep(60)
        writer.close()

    async def serve() -> None:
        listener = await asyncio.start_server(answer, "127.0.0.1", 0)
        played.port = listener.sockets[0].getsockname()[1]
        started.set()
        await listener.serve_forever()

    def run() -> None:
        asyncio.set_event_loop(loop)
        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            loop.run_until_complete(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(5)
    yield played
    loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
    thread.join(5)
    loop.close()


def targets(server: Server, *kinds: str) -> list[Target]:
    return [
        Target(number, PollTarget.AGENT, "127.0.0.1", server.port, token=kind, machine="m_1")
        for number, kind in enumerate(kinds)
    ]


@pytest.mark.slow
def test_each_odd_answer_has_its_name_and_none_takes_longer_than_the_deadline(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "DEADLINE_S", 0.8)
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:1")
    began = time.monotonic()

    looks = look_at_all(targets(server, *FAILURES), guard=HERE)

    assert {kind: look.failure for kind, look in zip(FAILURES, looks, strict=True)} == FAILURES
    assert time.monotonic() - began < 5
    assert "latest" not in "".join(server.requests)


def test_good_answer_tells_loaded_models_and_their_context(server: Server) -> None:
    [look] = look_at_all(targets(server, "good"), guard=HERE)

    assert look.view is not None
    assert look.view.document() == {
        "agent_version": "0.1.0",
        "runtimes": [
            {"kind": "ollama", "state": "up", "loaded": ["qwen3:8b"], "effective_context_tokens": 8192},
        ],
    }
    assert look.latency_ms > 0
    assert server.requests[0].startswith("GET /health HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.slow
def test_slow_machines_do_not_delay_the_others(server: Server) -> None:
    kinds = ["drip" if number % 10 == 0 else "good" for number in range(150)]
    began = time.monotonic()

    looks = look_at_all(targets(server, *kinds), guard=HERE)

    assert sum(not look.failure for look in looks) == 135
    assert time.monotonic() - began < 2 * probes.DEADLINE_S + 5


@pytest.mark.parametrize("host", ["xn--a", "xn--zzzzzzzz", "exa mple", "a..b", "*", "\N{RIGHT-TO-LEFT OVERRIDE}abc"])
def test_name_that_is_none_fails_alone(host: str, server: Server) -> None:
    odd = Target(1, PollTarget.AGENT, host, server.port)

    looks = look_at_all([odd, *targets(server, "good")], guard=HERE, resolve=_find_nothing)

    assert [look.failure for look in looks] == ["unreachable", ""]


def test_target_that_fails_as_nobody_thought_of_fails_alone(server: Server) -> None:
    def explode(host: str, port: int) -> list[Address]:
        raise RuntimeError(f"{host}:{port}")

    odd = Target(1, PollTarget.AGENT, "odd.example", server.port)

    looks = look_at_all([odd, *targets(server, "good")], guard=HERE, resolve=explode)

    assert [look.failure for look in looks] == ["unreachable", ""]


def _find_nothing(host: str, port: int) -> list[Address]:
    raise NameNotFoundError


@pytest.fixture
def polled(agent: Agent, mac: Machine) -> Callable[[str, str], PollTarget]:
    """Ben's Mac has reported and is due to be polled; the arguments replace host and token."""

    def make(host: str, token: str) -> PollTarget:
        with override_settings(POLL_NETWORKS=LAN):
            agent.post("reports", {**REPORT, "poll": {"address": "http://10.0.0.7:7411", "token": "canary-token"}})
        PollTarget.objects.update(due_at=NOW, sealed_token=seal(token) if token else "")
        PollTarget.objects.update(host=host.partition(":")[0], port=int(host.partition(":")[2]))
        return PollTarget.objects.get()

    return make


def test_report_names_the_place_and_its_token_is_stored_sealed(agent: Agent, mac: Machine) -> None:
    exposed = {**REPORT["runtimes"][1], "base_url": "http://10.0.0.7:11434"}
    poll = {"address": "http://10.0.0.7:7411", "token": "canary-token"}
    with override_settings(POLL_NETWORKS=LAN):
        agent.post("reports", {**REPORT, "runtimes": [REPORT["runtimes"][0], exposed], "poll": poll})

    places = PollTarget.objects.values_list("kind", "host", "port")
    assert list(places) == [("agent", "10.0.0.7", 7411), ("ollama", "10.0.0.7", 11434)]
    target = PollTarget.objects.get(kind="agent")
    assert target.token == "canary-token"
    mac.refresh_from_db()
    assert "canary" not in target.sealed_token + json.dumps(mac.report)
    with override_settings(TOKEN_PEPPERS=["another"]):
        assert target.token is None


@override_settings(POLL_NETWORKS=LAN)
def test_report_cannot_have_the_portal_look_through_a_network(agent: Agent, mac: Machine) -> None:
    elsewhere = [{**REPORT["runtimes"][1], "base_url": f"http://10.0.0.{host}:22"} for host in range(11, 27)]

    agent.post("reports", {**REPORT, "runtimes": elsewhere})
    assert set(PollTarget.objects.values_list("host", flat=True)) == {"10.0.0.11"}

    agent.post("reports", {**REPORT, "runtimes": elsewhere, "poll": {"address": "http://10.0.0.7:7411", "token": "x"}})
    assert set(PollTarget.objects.values_list("kind", "host")) == {("agent", "10.0.0.7")}


def test_runtimes_that_are_others_with_each_report_are_counted_to_an_end(agent: Agent, mac: Machine) -> None:
    for report in range(10):
        ports = range(1000 + 16 * report, 1016 + 16 * report)
        runtimes = [{**REPORT["runtimes"][1], "base_url": f"http://127.0.0.1:{port}"} for port in ports]
        assert agent.post("reports", {**REPORT, "runtimes": runtimes}).status_code == 200

    assert Availability.objects.filter(machine=mac).count() <= SUBJECTS_A_DAY + 16


def test_without_networks_nothing_is_kept_and_nothing_polled(agent: Agent, mac: Machine) -> None:
    agent.post("reports", {**REPORT, "poll": {"address": "http://10.0.0.7:7411", "token": "canary-token"}})

    assert not PollTarget.objects.exists()
    assert enqueue_polls() == 0


def test_place_that_is_no_longer_reported_is_forgotten(agent: Agent, polled: Any) -> None:
    polled("10.0.0.7:7411", "x")

    agent.post("reports", {**REPORT, "collected_at": "2026-11-25T00:00:09Z"})

    assert not PollTarget.objects.exists()


@override_settings(POLL_NETWORKS=LAN)
def test_chunk_that_comes_twice_is_polled_once(server: Server, polled: Any) -> None:
    target = polled(f"127.0.0.1:{server.port}", "good")
    [chunk] = cycle.list_due_chunks(now=NOW)

    outcomes = [cycle.poll_chunk(chunk, now=NOW, guard=HERE).looked_at for _ in range(2)]

    assert outcomes == [1, 0]
    assert len(server.requests) == 1
    target.refresh_from_db()
    assert timedelta(seconds=54) <= target.due_at - NOW <= timedelta(seconds=66)


@override_settings(POLL_NETWORKS=LAN)
def test_claim_of_a_dead_worker_ends_by_itself(polled: Any) -> None:
    target = polled("10.0.0.7:7411", "good")
    PollTarget.objects.update(claim="dead", claimed_until=NOW + timedelta(seconds=30))

    assert cycle.list_due_chunks(now=NOW + timedelta(seconds=29)) == []
    assert cycle.list_due_chunks(now=NOW + timedelta(seconds=30)) == [[target.pk]]


@override_settings(POLL_NETWORKS=LAN)
def test_clock_that_is_set_back_puts_no_look_off(polled: Any) -> None:
    polled("10.0.0.7:7411", "good")
    ahead = NOW + timedelta(days=1)

    PollTarget.objects.update(due_at=ahead, claim="dead", claimed_until=ahead)

    assert len(cycle.list_due_chunks(now=NOW)) == 1


def test_worker_whose_claim_went_to_another_writes_nothing(polled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    target = polled("10.0.0.7:7411", "good")

    def lose_the_claim(asked: Any, **_: Any) -> list[probes.Look]:
        PollTarget.objects.update(claim="another", claimed_until=NOW + timedelta(minutes=1))
        return [probes.Look(target.pk, 1.0, failure="timeout")]

    monkeypatch.setattr(cycle, "look_at_all", lose_the_claim)
    cycle.poll_chunk([target.pk], now=NOW, guard=HERE)

    target.refresh_from_db()
    assert (target.claim, target.polled_at, Availability.objects.filter(source="poll").count()) == ("another", None, 0)


@override_settings(POLL_NETWORKS=LAN)
def test_three_failures_make_a_machine_degraded_and_two_answers_make_it_well(
    polled: Any, mac: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = polled("10.0.0.7:7411", "x")
    states = []
    for minute, failure in enumerate(["timeout", "timeout", "", "timeout", "timeout", "timeout", "", ""]):
        now = NOW + timedelta(minutes=minute)
        looks = [probes.Look(target.pk, 20.0, failure=failure)]
        monkeypatch.setattr(cycle, "look_at_all", lambda *_, looks=looks, **__: looks)
        PollTarget.objects.update(due_at=now)
        Health.objects.update(seen_at=now, due_at=now + timedelta(seconds=90))
        cycle.poll_chunk([target.pk], now=now, guard=HERE)
        evaluate_due(now=now)
        mac.refresh_from_db()
        states.append(mac.state)

    assert states == ["online"] * 5 + ["degraded"] * 2 + ["online"]


@override_settings(POLL_NETWORKS=LAN)
def test_machine_that_answers_but_sends_nothing_is_degraded_and_not_offline(
    polled: Any, mac: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = polled("10.0.0.7:7411", "x")
    later = datetime.now(UTC) + timedelta(hours=1)
    PollTarget.objects.update(is_reachable=True, polled_at=later)

    evaluate_due(now=later)
    mac.refresh_from_db()
    answering = mac.state
    PollTarget.objects.filter(pk=target.pk).update(is_reachable=False)
    evaluate_due(now=later + timedelta(seconds=61))
    mac.refresh_from_db()

    assert (answering, mac.state) == ("degraded", "offline")


@override_settings(POLL_NETWORKS=LAN)
def test_availability_is_counted_by_days_and_not_by_polls(
    polled: Any, mac: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = polled("10.0.0.7:7411", "x")
    for minute, failure in enumerate(["", "", "timeout", ""]):
        looks = [probes.Look(target.pk, 10.0 * (minute + 1), failure=failure)]
        monkeypatch.setattr(cycle, "look_at_all", lambda *_, looks=looks, **__: looks)
        PollTarget.objects.update(due_at=NOW)
        cycle.poll_chunk([target.pk], now=NOW + timedelta(minutes=minute), guard=HERE)

    [row] = Availability.objects.filter(source="poll")
    assert (row.subject, row.looks, row.good, row.latency_max_ms) == ("agent", 4, 3, 40.0)
    shares = {(share.source, share.subject): share for share in list_shares(mac, now=NOW)}
    assert shares["Polled", "agent"].good_percent == 75.0
    assert shares["Polled", "agent"].mean_ms == pytest.approx(70 / 3)
    assert shares["Reported", "llama_cpp:8080"].good_percent == 100.0
    assert shares["Reported", "ollama:11434"].good_percent == 0.0
