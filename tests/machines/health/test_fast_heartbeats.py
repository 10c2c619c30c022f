"""The short way of a heartbeat answers as the documented route does, and hands on whatever is not as usual."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from machines.health import buffer
from machines.health.fast_heartbeats import PATH, Post, _answer_all, line, with_fast_heartbeats
from machines.health.models import Health
from machines.health.standing import quarantine_machine, revoke_machine
from machines.models import Machine
from machines.rate import Sent
from portal.accounts.models import User
from tests.machines.conftest import REPORT, Agent, join

# Outside of a transaction: the short way gives a broken connection back.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.where("postgresql")]
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
GOOD = {"state": {"on_battery": True}, "boot_id": "a" * 32, "sequence": 1, "announce": None}


class Front:
    """The short way before a route that only notes what reaches it."""

    def __init__(self) -> None:
        self.handed_on: list[bytes] = []
        self.status = ""
        self.headers: dict[str, str] = {}
        self.serve = with_fast_heartbeats(self._route)

    def _route(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.handed_on.append(environ["wsgi.input"].read())
        return []

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status, self.headers = status, dict(headers)

    def post(self, token: str | None, body: bytes, **more: str) -> Any:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": PATH,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "wsgi.input": BytesIO(body),
            **more,
        }
        return b"".join(self.serve(environ, self._start))


@pytest.fixture
def front() -> Iterator[Front]:
    yield Front()
    # The database of the tests cannot go while somebody is in it.
    line.close()


def test_both_ways_answer_alike_and_leave_the_same_behind(agent: Agent, mac: Machine, front: Front) -> None:
    agent.post("reports", REPORT)
    with time_machine.travel(NOW, tick=False):
        short = json.loads(front.post(agent.token, json.dumps(GOOD).encode()))
        long = agent.post("heartbeats", {**GOOD, "sequence": 2})
    waiting = [json.loads(member) for member in buffer._client(settings.REDIS_URL).zrange(buffer.key(), 0, -1)]

    assert short == long.json()
    assert (front.status, front.handed_on) == ("200 OK", [])
    for name in ("Content-Type", "X-Content-Type-Options", "Referrer-Policy"):
        assert front.headers[name] == long.headers[name]
    assert [[*one[:2], one[2][0], *one[3:]] for one in waiting] == [
        [mac.pk, NOW.timestamp(), "a" * 32, 60, {"on_battery": True}]
    ] * 2
    buffer.flush()
    assert Health.objects.get().messages == 3


def test_both_ways_name_the_entrance_for_agents(agent: Agent, front: Front) -> None:
    with override_settings(AGENTS_PORT=8444):
        short = json.loads(front.post(agent.token, json.dumps(GOOD).encode()))
        long = agent.post("heartbeats", {**GOOD, "sequence": 2}).json()
        report = agent.post("reports", REPORT).json()

    assert short["agents_port"] == long["agents_port"] == report["agents_port"] == 8444


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (json.dumps({**GOOD, "announce": "sleep"}).encode(), {}),
        (json.dumps({**GOOD, "sequence": 0}).encode(), {}),
        (json.dumps({**GOOD, "prompt": "x"}).encode(), {}),
        (b"{}", {}),
        (b"[]", {}),
        (b"", {}),
        (b'{"state": null, "state": null}', {}),
        (b"[" * 1000, {}),
        (json.dumps(GOOD).encode(), {"CONTENT_TYPE": "text/plain"}),
        (json.dumps(GOOD).encode(), {"CONTENT_TYPE": "x-application/jsonp; application/json"}),
        (json.dumps(GOOD).encode(), {"HTTP_CONTENT_ENCODING": "gzip"}),
        (json.dumps(GOOD).encode(), {"HTTP_AUTHORIZATION": "Basic x"}),
        (json.dumps(GOOD).encode(), {"HTTP_AUTHORIZATION": "Bearer kmt_000000000000_" + "x" * 43}),
        (json.dumps(GOOD).encode(), {"REQUEST_METHOD": "PUT"}),
        (json.dumps(GOOD).encode(), {"PATH_INFO": PATH + "/"}),
    ],
)
def test_what_is_not_as_usual_goes_on_whole(agent: Agent, front: Front, body: bytes, more: dict[str, str]) -> None:
    front.post(agent.token, body, **more)

    assert front.handed_on == [body]
    assert buffer.count_waiting() == 0


@pytest.mark.parametrize("length", ["", "x", "-1", "65537"])
def test_body_whose_length_is_odd_is_not_even_read(agent: Agent, front: Front, length: str) -> None:
    front.post(agent.token, json.dumps(GOOD).encode(), CONTENT_LENGTH=length)

    assert front.handed_on == [json.dumps(GOOD).encode()]


def test_revoked_machine_is_handed_on_with_its_next_heartbeat(
    agent: Agent, mac: Machine, front: Front, ben: User
) -> None:
    revoke_machine(machine=mac, by=ben)

    front.post(agent.token, json.dumps(GOOD).encode())

    assert len(front.handed_on) == 1


def test_without_valkey_all_go_the_long_way(agent: Agent, front: Front) -> None:
    for url in ("", "redis://127.0.0.1:9/0"):
        with override_settings(REDIS_URL=url):
            front.post(agent.token, json.dumps(GOOD).encode())

    assert len(front.handed_on) == 2


def test_machine_in_quarantine_is_handed_on(agent: Agent, mac: Machine, front: Front, ben: User) -> None:
    agent.post("reports", REPORT)
    quarantine_machine(machine=mac, by=ben)

    front.post(agent.token, json.dumps(GOOD).encode())

    assert len(front.handed_on) == 1


def test_connection_that_the_database_ended_is_given_back_and_the_heartbeat_goes_on(
    agent: Agent, mac: Machine, front: Front
) -> None:
    front.post(agent.token, json.dumps(GOOD).encode())
    ask(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    front.post(agent.token, json.dumps({**GOOD, "sequence": 2}).encode())
    assert len(front.handed_on) == 1

    front.post(agent.token, json.dumps({**GOOD, "sequence": 3}).encode())
    assert (front.status, len(front.handed_on)) == ("200 OK", 1)


def ask(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def test_flood_is_turned_away_alike_on_both_ways(agent: Agent, mac: Machine, front: Front) -> None:
    for _ in range(Sent.HEARTBEAT.value):
        front.post(agent.token, json.dumps(GOOD).encode())

    short = front.post(agent.token, json.dumps(GOOD).encode())
    long = agent.post("heartbeats", GOOD)

    assert front.handed_on == []
    assert (front.status, json.loads(short)) == ("429 Too Many Requests", long.json())
    for name in ("Content-Type", "Retry-After"):
        assert front.headers[name] == long.headers[name]
    assert long.status_code == 429


def test_each_in_a_batch_is_judged_by_its_own_token(agent: Agent, mac: Machine, front: Front, ben: User) -> None:
    other, other_token = join("other")
    gone, gone_token = join("gone")
    revoke_machine(machine=gone, by=ben)
    agent.post("reports", REPORT)
    body = json.dumps(GOOD).encode()
    assert agent.token
    tokens = [agent.token, gone_token, "nonsense", other_token, agent.token]

    with CaptureQueriesContext(line) as queries:
        answers = _answer_all([Post(token, body) for token in tokens] + [Post(other_token, b"{")])

    told = [answer and json.loads(answer.body)["report_wanted"] for answer in answers]
    assert told == [False, None, None, True, False, None]
    assert [machine for machine, _ in waiting()] == [mac.pk, other.pk]
    assert len(queries) == 1


def waiting() -> list[Any]:
    return buffer._read(buffer._client(settings.REDIS_URL).zrange(buffer.key(), 0, -1))
