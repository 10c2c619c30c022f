"""Agents by the thousand, as a process of its own: `python -m tests.bench.herd PORT TOKENS RATE SECONDS [unaware]`.

Each asks over a connection of its own, and when its time has come, whether or not those before it were answered: so it
is after an outage. Whoever gets no answer, or a refusal, comes again. RATE is heartbeats per second for SECONDS, 0 for
each token once, all within one second. Prints JSON: statuses of all tries (0: hung up), their latencies, when to come
again, and how late the last one came: this process waits for a core like all others.

PORT is the portal's. As agents do, they go to the entrance that its last answer named; `unaware` ones stay with PORT.
"""

import json
import resource
import selectors
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice, takewhile
from pathlib import Path

from kirikae.service.link import TIMEOUT_S
from kirikae.service.schedule import SHORTEST_S

BOOT = "b" * 32
NO_ANSWER = 0
# As soon as an agent may: most come later.
AGAIN_AFTER_S = SHORTEST_S
# The rest of this process: its modules, its output.
OTHER_FILES = 50


@dataclass(eq=False)
class Agent:
    """`due` by the monotonic clock: what it waits is counted from then, however late this process is."""

    due: float
    request: bytes
    connection: socket.socket = field(default_factory=socket.socket)
    answer: bytes = b""

    def connect(self, port: int) -> None:
        self.connection.setblocking(False)
        self.connection.connect_ex(("127.0.0.1", port))

    def read(self) -> tuple[int, bytes] | None:
        """Status and body; None while more is to come. Raises OSError."""
        part = self.connection.recv(65536)
        if not part:
            raise ConnectionResetError
        self.answer += part
        head, is_whole, body = self.answer.partition(b"\r\n\r\n")
        if not is_whole or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return None
        return int(head[9:12]), body


@dataclass
class Herd:
    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    waits_ms: list[float] = field(default_factory=list)
    intervals_s: list[float] = field(default_factory=list)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    # Longest waiting first.
    waiting: dict[Agent, None] = field(default_factory=dict)
    returning: deque[Agent] = field(default_factory=deque)
    all_came_at: float = 0.0

    def run(self, agents: Iterator[Agent]) -> None:
        coming = next(agents, None)
        while coming or self.waiting or self.returning:
            # Those that are due go first, or a quick portal would slow its own crowd down.
            while coming and coming.due <= time.monotonic():
                self._send_off(coming)
                coming, self.all_came_at = next(agents, None), time.monotonic()
            while self.returning and self.returning[0].due <= time.monotonic():
                self._send_off(self.returning.popleft())
            self._hang_up()
            next_at = [agent.due for agent in (coming, *islice(self.returning, 1)) if agent]
            next_at += [agent.due + TIMEOUT_S for agent in islice(self.waiting, 1)]
            for key, _ in self.selector.select(max(0.0, min(next_at, default=0.0) - time.monotonic())):
                self._go_on(key.data, is_connected=key.events == selectors.EVENT_WRITE)

    def _send_off(self, agent: Agent) -> None:
        agent.connect(self.port)
        self.selector.register(agent.connection, selectors.EVENT_WRITE, agent)
        self.waiting[agent] = None

    def _hang_up(self) -> None:
        long_since = time.monotonic() - TIMEOUT_S
        for agent in list(takewhile(lambda agent: agent.due <= long_since, self.waiting)):
            self._note(agent, NO_ANSWER, b"")

    def _go_on(self, agent: Agent, *, is_connected: bool) -> None:
        try:
            if is_connected:
                agent.connection.sendall(agent.request)
                self.selector.modify(agent.connection, selectors.EVENT_READ, agent)
                return
            told = agent.read()
        except OSError:
            told = NO_ANSWER, b""
        if told:
            self._note(agent, *told)

    def _note(self, agent: Agent, status: int, body: bytes) -> None:
        self.selector.unregister(agent.connection)
        agent.connection.close()
        del self.waiting[agent]
        self.statuses[status] += 1
        self.waits_ms.append((time.monotonic() - agent.due) * 1000)
        if status == 200:
            self.intervals_s.append(json.loads(body)["heartbeat_s"])
        else:
            self.returning.append(Agent(time.monotonic() + AGAIN_AFTER_S, agent.request))


def requests(tokens: list[str]) -> Iterator[bytes]:
    # The bench starts several herds; numbers by the clock stay above those of the one before.
    first = int(time.time() * 1000)
    return (request(token, number) for number, token in enumerate(cycle(tokens), first))


def request(token: str, number: int) -> bytes:
    state = {"memory_available_bytes": 30 * 2**30, "memory_pressure": "normal", "on_battery": False}
    body = json.dumps({"state": state, "boot_id": BOOT, "sequence": number, "announce": None}).encode()
    head = (
        "POST /api/v1/heartbeats HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def find_entrance(port: int, token: str) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        connection.sendall(next(requests([token])))
        agent = Agent(time.monotonic(), b"", connection)
        while (told := agent.read()) is None:
            pass
    status, body = told
    if status != 200:
        sys.exit(f"The portal answered {status}: {body.decode()}")
    return json.loads(body)["agents_port"] or port


def allow_connections(count: int) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        sys.exit(f"{count} connections at once need {needed} open files; allowed are {hard}. Try: ulimit -Hn {needed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def main(port: int, tokens: list[str], *, rate: float, seconds: float, is_aware: bool) -> dict[str, object]:
    count = int(rate * seconds) if rate else len(tokens)
    allow_connections(count)
    # A crowd has its words ready: making them takes as long as sending them.
    asked = islice(requests(tokens), count)
    ready = asked if rate else iter(list(asked))
    herd, began = Herd(find_entrance(port, tokens[0]) if is_aware else port), time.monotonic()
    herd.run(Agent(began + place / (rate or count), words) for place, words in enumerate(ready))
    took_s = time.monotonic() - began
    waits_ms, intervals_s = sorted(herd.waits_ms), sorted(herd.intervals_s)
    return {
        "statuses": herd.statuses,
        "came_within_s": herd.all_came_at - began,
        "took_s": took_s,
        "waits_ms": waits_ms,
        "intervals_s": intervals_s,
    }


if __name__ == "__main__":
    at, file, per_s, for_s, *unaware = sys.argv[1:]
    all_tokens = Path(file).read_text().split()
    print(json.dumps(main(int(at), all_tokens, rate=float(per_s), seconds=float(for_s), is_aware=not unaware)))
