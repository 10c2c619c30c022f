"""The one thread of the service: waits for files to become readable and for forks to end. It never blocks on either."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
from collections.abc import Callable, Iterator

from kirikae.service.forks import Fork, Then, Work, start_fork


class Loop:
    """`is_ending` after SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.is_ending = False
        self.forks = 0
        self._selector = selectors.DefaultSelector()
        self._listeners: list[socket.socket] = []

    def wait(self, longest_s: float) -> None:
        for key, _ in self._selector.select(max(0.0, longest_s)):
            key.data()

    def listen(self, listener: socket.socket, then: Callable[[socket.socket], None]) -> None:
        self._listeners.append(listener)
        self._selector.register(listener, selectors.EVENT_READ, lambda: then(listener))

    def fork(self, work: Work, *, then: Then, lifetime_s: int) -> None:
        """Forks do not keep the listeners open: a service that starts again could not listen while one lives."""
        without = [listener.fileno() for listener in self._listeners]
        fork = start_fork(work, then=then, lifetime_s=lifetime_s, without=without)
        self.forks += 1
        self._selector.register(fork.pipe, selectors.EVENT_READ, lambda: self._hear(fork))

    def _hear(self, fork: Fork) -> None:
        if fork.read():
            return
        self._selector.unregister(fork.pipe)
        self.forks -= 1
        fork.finish()

    @contextlib.contextmanager
    def ended_by_signals(self) -> Iterator[None]:
        """A signal wakes the loop by a socket: between a look at `is_ending` and the wait none is missed."""
        waking, woken = socket.socketpair()
        for end in (waking, woken):
            end.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ, lambda: woken.recv(64))
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.unregister(woken)
            waking.close()
            woken.close()

    def _end(self, *_: object) -> None:
        self.is_ending = True
