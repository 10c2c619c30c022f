"""Agents by the thousand, as a process of its own: `python -m tests.bench.herd PORT TOKENS RATE SECONDS`.

RATE is heartbeats per second, 0 for all at once and each token once. Prints JSON: statuses, latencies, and when to come
again.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

CONNECTIONS = 200
BOOT = "b" * 32


async def run(port: int, tokens: list[str], *, rate: float, seconds: float) -> dict[str, object]:
    statuses: Counter[int] = Counter()
    waits_ms: list[float] = []
    intervals_s: list[float] = []
    # The bench starts several of these; numbers by the clock stay above those of the one before.
    numbers = count(int(time.time() * 1000))
    turns = schedule(tokens, rate=rate, seconds=seconds)
    began = time.monotonic()

    async def agent() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for due, token in turns:
            await asyncio.sleep(max(0.0, began + due - time.monotonic()))
            asked = time.monotonic()
            writer.write(request(token, next(numbers)))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            statuses[int(head[9:12])] += 1
            waits_ms.append((time.monotonic() - asked) * 1000)
            intervals_s.append(json.loads(body).get("heartbeat_s", 0))
        writer.close()

    await asyncio.gather(*(agent() for _ in range(CONNECTIONS if rate == 0 else 20)))
    took_s = time.monotonic() - began
    return {"statuses": statuses, "took_s": took_s, "waits_ms": sorted(waits_ms), "intervals_s": sorted(intervals_s)}


def schedule(tokens: list[str], *, rate: float, seconds: float) -> Iterator[tuple[float, str]]:
    """When each heartbeat is due, after the start; an iterator that all connections take from."""
    if rate == 0:
        return iter([(0.0, token) for token in tokens])
    return ((index / rate, token) for index, token in zip(range(int(rate * seconds)), cycle(tokens), strict=False))


def request(token: str, number: int) -> bytes:
    state = {"memory_available_bytes": 30 * 2**30, "memory_pressure": "normal", "on_battery": False}
    body = json.dumps({"state": state, "boot_id": BOOT, "sequence": number, "announce": None}).encode()
    head = (
        "POST /api/v1/heartbeats HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    port, tokens, rate, seconds = sys.argv[1:]
    told = run(int(port), Path(tokens).read_text().split(), rate=float(rate), seconds=float(seconds))
    print(json.dumps(asyncio.run(told)))
