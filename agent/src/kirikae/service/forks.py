"""Forks of the service: each does one thing and says what came of it as JSON through a pipe."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

# More at once would be a flood, and the wrappers that are turned away decide alone.
MAX_FORKS = 32

type Work = Callable[[], dict[str, object]]
type Then = Callable[[dict[str, object]], None]


@dataclass
class Fork:
    """`pipe` is the end to read from; `said` what has come so far. `then` gets the outcome, {} after a crash."""

    pid: int
    pipe: int
    then: Then
    said: bytearray = field(default_factory=bytearray)

    def read(self) -> bool:
        """False at the end of what it says, which is the end of the fork."""
        chunk = os.read(self.pipe, 1 << 16)
        self.said += chunk
        return bool(chunk)

    def finish(self) -> None:
        os.close(self.pipe)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        try:
            outcome = json.loads(self.said or b"{}")
        except ValueError:
            outcome = {}
        self.then(outcome if isinstance(outcome, dict) else {})


def start_fork(work: Work, *, then: Then, lifetime_s: int, without: Iterable[int] = ()) -> Fork:
    """`work` runs in the fork, for `lifetime_s` at the most and without these open files of the service."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _run_in_fork(work, writing=writing, lifetime_s=lifetime_s, without=[reading, *without])
    os.close(writing)
    return Fork(pid, reading, then)


def _run_in_fork(work: Work, *, writing: int, lifetime_s: int, without: Iterable[int]) -> NoReturn:
    code = 1
    try:
        # The service's own handlers would write into its wake-up socket.
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(lifetime_s)
        gc.disable()
        for handle in without:
            os.close(handle)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(work()).encode())
        code = 0
    except BaseException as error:  # noqa: BLE001 - nothing may run on into the service's own loop
        _tell(error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(error: BaseException) -> None:
    """Kind and place; its message could name a folder or an address."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
    sys.__stderr__ and print(f"kirikae: {type(error).__name__} in {place}", file=sys.__stderr__)
