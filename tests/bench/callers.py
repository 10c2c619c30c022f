"""Callers who ask for decisions until stdin closes, in their own process: `python -m tests.bench.callers PORT TOKEN…`.

One caller for each token, at most twenty times a second. Prints a line when it begins to count, and JSON at the end:
statuses, and each wait in ms with when it began.
"""

import http.client
import json
import sys
import threading
import time
from dataclasses import dataclass, field

from tests.bench.ground import REQUEST

PAUSE_S = 0.05
BODY = json.dumps(REQUEST)
# A web process makes its bundle for the first decision. Of so many at once each process gets some; one after another
# they would all go to one, over the connection that the proxy keeps.
FIRST = 20


@dataclass
class Caller:
    port: int
    token: str
    statuses: set[int] = field(default_factory=set)
    waits: list[tuple[float, float]] = field(default_factory=list)

    def ask(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        asked = time.monotonic()
        connection.request("POST", "/api/v1/decisions", BODY, headers)
        answer = connection.getresponse()
        answer.read()
        self.waits.append((asked, (time.monotonic() - asked) * 1000))
        self.statuses.add(answer.status)
        connection.close()

    def ask_until(self, is_over: threading.Event) -> None:
        while not is_over.wait(PAUSE_S):
            self.ask()


def main(port: str, *tokens: str) -> None:
    callers = [Caller(int(port), token) for token in tokens]
    first = [threading.Thread(target=callers[0].ask) for _ in range(FIRST)]
    for thread in first:
        thread.start()
    for thread in first:
        thread.join()
    callers[0].waits.clear()
    print("counting", flush=True)
    is_over = threading.Event()
    threads = [threading.Thread(target=caller.ask_until, args=(is_over,)) for caller in callers]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    is_over.set()
    for thread in threads:
        thread.join()
    statuses = set().union(*(caller.statuses for caller in callers))
    waits = sorted(wait for caller in callers for wait in caller.waits)
    print(json.dumps({"statuses": sorted(statuses), "waits": waits}))


if __name__ == "__main__":
    main(*sys.argv[1:])
