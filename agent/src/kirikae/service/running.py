"""What the service does until it is ended: keeps the portal informed and the policy compiled, and answers wrappers."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import socket
import sys
from collections.abc import Iterator
from time import monotonic

from kirikae.collect.facts_reader import FactsReader, KeptFacts
from kirikae.errors import NoPolicyError, PreflightError
from kirikae.home import Home, unwritten
from kirikae.home_path import SOCKET_NAME
from kirikae.policy.bundle_store import bundle_stamp, compile_bundle
from kirikae.resident.serving import LIFETIME_S, serve
from kirikae.resident.warm import warm_up
from kirikae.service.courier import Courier
from kirikae.service.forks import MAX_FORKS
from kirikae.service.health import Origin, answer_health, poll_token
from kirikae.service.installation import Installation
from kirikae.service.loop import Loop
from kirikae.service.sockets import accept, open_health_socket, open_resident_socket, poll_url

LOCK = "service.lock"
HEALTH_LIFETIME_S = 10
# How soon the end of a sleep is noticed; looking costs microseconds.
LONGEST_WAIT_S = 10.0
# What a system gives a process that it ends.
FAREWELL_S = 3.0


def run_service(home: Home, *, listen: str | None) -> None:
    """Until SIGTERM or SIGINT. Raises AgentError when it cannot start, OSError when a new version cannot."""
    installation, loop = Installation(), Loop()
    with _only_one(home), loop.ended_by_signals():
        Service(home, loop, installation, listen=listen).run()
    if not loop.is_ending:
        # The same process, so that nobody who watches it takes this for an end.
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the command that this process was started by


class Service:
    def __init__(self, home: Home, loop: Loop, installation: Installation, *, listen: str | None) -> None:
        self._home, self._loop, self._installation, self._listen = home, loop, installation, listen
        poll = {"address": poll_url(listen), "token": poll_token(home)} if listen else None
        self._courier = Courier(home, loop, poll=poll, then=self._refresh_policy)
        self._stamp: tuple[int, int] | None = None

    def run(self) -> None:
        """Until it is ended, or another version was installed."""
        with self._listening():
            warm_up(self._home)
            self._refresh_policy()
            # What is there by now stays: forks then share its pages.
            gc.collect()
            gc.freeze()
            while not self._loop.is_ending:
                # With no fork under way: what they say would be lost, and the portal would count a message twice.
                if not self._loop.forks and self._installation.is_replaced():
                    return
                self._courier.send_if_due()
                self._loop.wait(min(LONGEST_WAIT_S, self._courier.due_in_s))
            self._end()

    def _end(self) -> None:
        until = monotonic() + FAREWELL_S
        self._courier.say_goodbye()
        while self._courier.is_sending and monotonic() < until:
            self._loop.wait(until - monotonic())

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            local = stack.enter_context(open_resident_socket(self._home))
            stack.callback((self._home.path / SOCKET_NAME).unlink, missing_ok=True)
            self._loop.listen(local, self._answer_wrapper)
            if self._listen:
                self._loop.listen(stack.enter_context(open_health_socket(self._listen)), self._answer_portal)
            yield

    def _answer_wrapper(self, listener: socket.socket) -> None:
        connection = accept(listener, is_local=True)
        if connection is None:
            return
        with connection:
            self._refresh_policy()
            if self._loop.forks < MAX_FORKS:
                self._loop.fork(lambda: _serve(connection), then=self._keep_facts, lifetime_s=LIFETIME_S)

    def _answer_portal(self, listener: socket.socket) -> None:
        """Fewer forks than wrappers may have: whoever is on the network must not keep those out."""
        connection = accept(listener, is_local=False)
        if connection is None:
            return
        origin = Origin(self._courier.boot_id, self._courier.sequence)
        with connection:
            if self._loop.forks < MAX_FORKS // 4:
                self._loop.fork(
                    lambda: _answer_health(connection, self._home, origin), then=_forget, lifetime_s=HEALTH_LIFETIME_S
                )

    def _keep_facts(self, outcome: dict[str, object]) -> None:
        found = outcome.get("facts")
        if isinstance(found, dict):
            FactsReader.kept = KeptFacts(**found)

    def _refresh_policy(self) -> None:
        """Once per bundle, here and not in the forks."""
        stamp = bundle_stamp(self._home)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        # Without a usable one each wrapper is told so by its fork.
        with contextlib.suppress(NoPolicyError):
            compile_bundle(self._home)


@contextlib.contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """Two would answer one socket and look to the portal like a copied key."""
    try:
        handle = os.open(home.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unwritten(home.path / LOCK, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise PreflightError("service.runs_already") from error
    finally:
        os.close(handle)


def _serve(connection: socket.socket) -> dict[str, object]:
    with contextlib.suppress(OSError):
        serve(connection)
    fresh = FactsReader.latest
    return {"facts": fresh.document()} if fresh else {}


def _answer_health(connection: socket.socket, home: Home, origin: Origin) -> dict[str, object]:
    with contextlib.suppress(OSError):
        answer_health(connection, home, origin=origin)
    return {}


def _forget(outcome: dict[str, object]) -> None:
    """A question of the portal leaves nothing."""
