"""Keeps the two children alive: restarts with a limit, stops groups, ends cleanly on INT and TERM."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from django.utils.translation import gettext as _

ENDS_ALLOWED = 5
ENDS_WINDOW_S = 60.0
STOP_GRACE_S = 8.0
LOG_LIMIT_BYTES = 5_000_000


class Wish(Enum):
    STOP = "stop"
    RELOAD = "reload"


@dataclass(frozen=True)
class Ended:
    name: str
    pid: int


type Event = Wish | Ended


@dataclass
class Child:
    """One child in a session of its own; `arguments` follow `python -m portal.embedded.child`."""

    name: str
    arguments: list[str]
    log: Path
    events: "SimpleQueue[Event]"
    ends: deque[float] = field(default_factory=deque)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, lifeline: int) -> None:
        command = [sys.executable, "-m", "portal.embedded.child", self.name, str(lifeline), *self.arguments]
        with _open_log(self.log) as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lifeline,), start_new_session=True
            )
        self.process = process
        threading.Thread(target=self._await_end, args=(process,), name=f"wait-{self.name}", daemon=True).start()

    def _await_end(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self.events.put(Ended(self.name, process.pid))

    def signal_group(self, number: signal.Signals) -> None:
        """The whole group: a killed web server leaves a worker behind that still accepts on the port."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def wait(self, deadline: float) -> None:
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.0, deadline - time.monotonic()))

    def may_restart(self, now: float) -> bool:
        self.ends.append(now)
        while self.ends[0] < now - ENDS_WINDOW_S:
            self.ends.popleft()
        return len(self.ends) <= ENDS_ALLOWED


@dataclass
class Supervisor:
    children: list[Child]
    events: "SimpleQueue[Event]"

    def run(self) -> str | None:
        """Blocks until told to stop (None) or until a child ends too often (a sentence that names its log)."""
        lifeline, held = os.pipe()
        try:
            for child in self.children:
                child.start(lifeline)
            return self._follow_events(lifeline)
        finally:
            self._stop_all()
            os.close(lifeline)
            os.close(held)

    def _follow_events(self, lifeline: int) -> str | None:
        while True:
            event = self.events.get()
            if event is Wish.STOP:
                return None
            if event is Wish.RELOAD:
                self._stop_all()
                for child in self.children:
                    child.start(lifeline)
            elif isinstance(event, Ended) and (refusal := self._after_end(event, lifeline)):
                return refusal

    def _after_end(self, event: Ended, lifeline: int) -> str | None:
        child = next(child for child in self.children if child.name == event.name)
        if child.process is None or child.process.pid != event.pid:
            return None  # ended because it was stopped for a reload
        if not child.may_restart(time.monotonic()):
            told = _("The %(name)s process ended %(count)d times within a minute. Read %(log)s.")
            return told % {"name": child.name, "count": ENDS_ALLOWED + 1, "log": child.log}
        child.signal_group(signal.SIGKILL)
        child.start(lifeline)
        return None

    def _stop_all(self) -> None:
        for child in self.children:
            child.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + STOP_GRACE_S
        for child in self.children:
            child.wait(deadline)
            child.signal_group(signal.SIGKILL)
            child.wait(time.monotonic() + 1.0)
            child.process = None


def stop_on_signals(events: "SimpleQueue[Event]") -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        # SimpleQueue.put may be called from a signal handler.
        signal.signal(number, lambda *_arguments: events.put(Wish.STOP))


def _open_log(path: Path) -> IO[bytes]:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
