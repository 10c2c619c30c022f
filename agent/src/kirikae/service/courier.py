"""The service's dealings with its portal: which message is due, and what its answer changes."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
from collections.abc import Callable, Mapping
from time import monotonic

from kirikae import __version__
from kirikae.collect.boot_clock import slept_seconds
from kirikae.errors import PreflightError
from kirikae.home import Home
from kirikae.moments import now, write_moment
from kirikae.service.beat import Announcement, Message, exchange
from kirikae.service.entrance import NO_ENTRANCE
from kirikae.service.loop import Loop
from kirikae.service.schedule import Schedule

STATUS = "service.json"
EXCHANGE_LIFETIME_S = 60
SLEPT_S = 5.0


class Courier:
    """Sends one message at a time; `then` follows each good answer."""

    def __init__(self, home: Home, loop: Loop, *, poll: Mapping[str, str] | None, then: Callable[[], None]) -> None:
        self.boot_id = secrets.token_hex(16)
        self.sequence = 0
        self.is_sending = False
        self._home, self._loop, self._poll, self._then = home, loop, poll, then
        self._schedule = Schedule.starting(monotonic())
        self._entrance = NO_ENTRANCE
        self._slept_s = slept_seconds()
        self._announce: Announcement | None = None
        self._status: dict[str, object] = {}
        self._note(pid=os.getpid(), version=__version__, started_at=write_moment(now()))

    @property
    def due_in_s(self) -> float:
        """While a message is under way the next thing to happen is its answer."""
        return float("inf") if self.is_sending else self._schedule.next_at - monotonic()

    def send_if_due(self) -> None:
        self._notice_sleep()
        if self.due_in_s <= 0:
            self._send(is_report=self._announce is None and self._schedule.is_report_due(monotonic()))

    def say_goodbye(self) -> None:
        """Shut down, signed out or stopped: silence from here on is no failure. Not worth a wait for a portal away."""
        if not self.is_sending and self._schedule.failures == 0:
            self._announce = "sleep"
            # There is no time to find out that it does not get through there.
            self._entrance = NO_ENTRANCE
            self._send(is_report=False)

    def _notice_sleep(self) -> None:
        slept_s = slept_seconds()
        if slept_s - self._slept_s > SLEPT_S:
            self._announce = "wake"
            self._schedule = self._schedule.after_wake(monotonic(), chance=random.random)
        self._slept_s = slept_s

    def _send(self, *, is_report: bool) -> None:
        self.sequence += 1
        message = Message(self.boot_id, self.sequence, is_report, self._announce, self._poll, self._entrance)
        self.is_sending = True
        self._loop.fork(
            lambda: exchange(self._home, message),
            then=lambda answer: self._take(message, answer),
            lifetime_s=EXCHANGE_LIFETIME_S,
        )

    def _take(self, message: Message, answer: dict[str, object]) -> None:
        self.is_sending = False
        self._entrance = self._entrance.after(monotonic(), answer)
        if answer.get("ok") is not True:
            after_s = answer.get("retry_after_s")
            self._schedule = self._schedule.after_failure(monotonic(), retry_after_s=after_s, chance=random.random)
            self._note(last_error=answer.get("error") or "service.crashed", failures=self._schedule.failures)
            return
        self._schedule = self._schedule.after_answer(
            monotonic(), answer, is_report=message.is_report, chance=random.random
        )
        if self._announce == message.announce:
            self._announce = None
        self._then()
        port = self._entrance.port if self._entrance.is_known else None
        self._note(last_success_at=write_moment(now()), last_error=answer.get("error"), failures=0, agents_port=port)

    def _note(self, **changes: object) -> None:
        """For `kirikae service status`; a full disk does not end the service."""
        self._status |= {**changes, "boot_id": self.boot_id, "sequence": self.sequence}
        with contextlib.suppress(PreflightError):
            self._home.write_json(STATUS, self._status)
