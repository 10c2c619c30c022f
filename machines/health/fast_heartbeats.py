"""The short way of a heartbeat: in front of Django's middleware, one query and one write to Valkey for all that wait.

Only what is as usual goes this way: a good token, a body of the known shape, nothing announced, Valkey there. All else
is handed on with its body to the documented route, which then says what is wrong. Both answer alike (a test compares).
Every token is looked up, none is remembered: a revoked machine is refused with its next heartbeat.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from io import BytesIO
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, close_old_connections, connection, connections

from machines.health import buffer
from machines.health.choices import MachineState
from machines.health.pace import is_report_due, pace
from machines.health.receiving import Message
from machines.rate import Sent, refuse_flood
from machines.wire import heartbeat_from_document
from portal.accounts.models import ApiToken, TokenKind
from portal.accounts.tokens import check_token, split_token
from portal.common import clock
from portal.common.api import BODY_LIMIT_BYTES
from portal.common.batching import Batcher
from portal.common.middleware import is_encoded
from portal.common.models import PolicyHead
from portal.common.policy_head import recent_head
from portal.common.problems import Problem, problem_response
from routing.engine.errors import WireError
from routing.engine.facts import time_text
from routing.engine.wire import parse_json

PATH = "/api/v1/heartbeats"
ASIDE_S = 0.005
_MACHINE = frozenset({TokenKind.MACHINE})
_NOT_AS_USUAL = (MachineState.QUARANTINED, MachineState.RETIRED)
# What a token is judged by. Building the whole row costs three times as much as asking for it.
_COLUMNS = ("id", "public_id", "kind", "digest", "pepper_id", "expires_at", "revoked_at")
_FIND = f"""
SELECT {", ".join(f"token.{name}" for name in _COLUMNS)}, machine.id, machine.state, machine.reported_at
FROM accounts_apitoken AS token JOIN machines_machine AS machine ON machine.token_id = token.id
WHERE token.public_id = ANY(%s) AND token.kind = 'kmt'
"""  # noqa: S608 - names of columns
# The connection of the batches, whichever thread answers one: kept from one to the next.
line = connections.create_connection(DEFAULT_DB_ALIAS)
line.inc_thread_sharing()
# Those of the documented route that matter for an answer which is no page.
_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Vary", "Accept-Language"),
]


class Answer(NamedTuple):
    body: bytes
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


class Post(NamedTuple):
    token: str
    body: bytes


class Sender(NamedTuple):
    """The machine whose token it is."""

    pk: int
    state: str
    reported_at: datetime | None


class Taken(NamedTuple):
    """A heartbeat that goes to Valkey, and what is answered once it is there."""

    machine: int
    message: Message
    answer: Answer


type Environ = dict[str, Any]
type Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
# A row as `_FIND` gives it, by the public id of its token.
type Rows = dict[str, tuple[Any, ...]]


def with_fast_heartbeats(application: Application) -> Application:
    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST" or not _has_services():
            return application(environ, start_response)
        post = _read(environ)
        answer = None if post is None else batcher.ask(post)
        if answer is None:
            return application(environ, start_response)
        start_response(answer.status, [*answer.headers, *_HEADERS, ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    return serve


def _read(environ: Environ) -> Post | None:
    """The body is left in place for whoever reads it after us. None when this is not the way for it."""
    declared = environ.get("CONTENT_LENGTH") or ""
    if not declared.isdecimal() or int(declared) > BODY_LIMIT_BYTES:
        return None
    body: bytes = environ["wsgi.input"].read(int(declared))
    environ["wsgi.input"] = BytesIO(body)
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    is_json = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == "application/json"
    return Post(token, body) if is_json and scheme.lower() == "bearer" and not is_encoded(environ) else None


def _has_services() -> bool:
    return bool(settings.REDIS_URL) and connection.vendor == "postgresql"


def _answer_all(posts: Sequence[Post]) -> list[Answer | None]:
    """None where the documented route is to answer. One query, and one write to Valkey."""
    now = clock.now()
    try:
        head = recent_head.get()
        rows = _find_senders([split_token(post.token)[1] for post in posts])
        judged = [_judge(post, rows, head, now=now) for post in posts]
    except DatabaseError:
        line.close_if_unusable_or_obsolete()
        return [None] * len(posts)
    finally:
        # Reading the head may have opened the one of this thread, which does not come back soon.
        close_old_connections()
    taken = [(one.machine, one.message) for one in judged if isinstance(one, Taken)]
    are_kept = not taken or buffer.keep_all(taken)
    return [(one.answer if are_kept else None) if isinstance(one, Taken) else one for one in judged]


def _let_others_in() -> None:
    """Lets go of the core for a moment.

    Linux let a process whose 64 threads take turns all the time keep the proxy and web processes from it for up to
    110 ms, however many steps it stood back. Of such waits of over 20 ms a crowd had 25; with 2 ms here 3, with 5 ms 1.
    """
    time.sleep(ASIDE_S)


batcher = Batcher(_answer_all, before_crowd=_let_others_in)


def _find_senders(public_ids: list[str]) -> Rows:
    with line.cursor() as cursor:
        cursor.execute(_FIND, [public_ids])
        return {row[_COLUMNS.index("public_id")]: row for row in cursor.fetchall()}


def _judge(post: Post, rows: Rows, head: PolicyHead, *, now: datetime) -> Taken | Answer | None:
    try:
        sender = _sender_of(post.token, rows, now=now)
        return None if sender is None else _take(sender, post.body, head, now=now)
    except Problem as problem:
        # A flood is turned away at the price of a heartbeat; all other refusals are the documented route's to word.
        return _told(problem) if problem.status == HTTPStatus.TOO_MANY_REQUESTS else None
    except WireError:
        return None


def _sender_of(text: str, rows: Rows, *, now: datetime) -> Sender | None:
    """None where no machine in use sent it, or one in quarantine. Raises Problem."""
    _kind, public_id, secret = split_token(text)
    row = rows.get(public_id)
    token = ApiToken.from_db("default", _COLUMNS, row[: len(_COLUMNS)]) if row else None
    check_token(token, secret, kinds=_MACHINE, now=now)
    sender = Sender(*(row or ())[len(_COLUMNS) :])
    return None if sender.state in _NOT_AS_USUAL else sender


def _told(problem: Problem) -> Answer:
    answer = problem_response(problem)
    return Answer(answer.content, f"{answer.status_code} {answer.reason_phrase}", tuple(answer.items()))


def _take(sender: Sender, body: bytes, head: PolicyHead, *, now: datetime) -> Taken | None:
    """None where something is announced. Raises WireError, and Problem 429."""
    document: Any = parse_json(body, max_bytes=BODY_LIMIT_BYTES)
    heartbeat = heartbeat_from_document(document)
    if heartbeat.announcement is not None:
        return None
    refuse_flood(sender.pk, Sent.HEARTBEAT)
    interval_s = pace.next_interval_s()
    message = Message(at=now, origin=heartbeat.origin, situation=document["state"], interval_s=interval_s)
    answer = {
        "heartbeat_s": interval_s,
        "report_wanted": is_report_due(sender.reported_at, now=now),
        "policy_revision": head.revision,
        "policy_epoch": head.epoch,
        "server_time": time_text(now),
        "agents_port": settings.AGENTS_PORT,
    }
    return Taken(sender.pk, message, Answer(json.dumps(answer, separators=(",", ":")).encode()))
