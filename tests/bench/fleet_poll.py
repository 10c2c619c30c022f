"""One poll cycle of 1,000 targets of which a tenth drips one byte a second: `python -m tests.bench.fleet_poll`.

The servers are a process of their own; chunks are polled by threads, as workers do. Prints JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

# Two workers of four threads each, as `.ci/topology` has them.
TARGETS, CHUNK, THREADS = 1000, 200, 8
BODY = b'{"schema": 1, "machine": "m_1", "agent_version": "1", "runtimes": []}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


async def serve() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            if b"Bearer drip" in request:
                for byte in ANSWER:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            writer.write(ANSWER)
            await writer.drain()
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def measure(port: int) -> dict[str, object]:
    import django

    django.setup()
    from machines.health.polling.addresses import PollGuard
    from machines.health.polling.probes import Look, Target, look_at_all
    from portal.common.network_guard import Guard

    loopback = Guard(allowed=(ip_network("127.0.0.1"),), is_loopback_permitted=True)
    guard = PollGuard(networks=loopback, is_here=lambda _: False)
    targets = [
        Target(one, "agent", "127.0.0.1", port, token="drip" if one % 10 == 0 else "well", machine="m_1")
        for one in range(TARGETS)
    ]
    chunks = [targets[start : start + CHUNK] for start in range(0, TARGETS, CHUNK)]
    began, used = time.monotonic(), time.process_time()

    def poll(chunk: list[Target]) -> list[Look]:
        return look_at_all(chunk, guard=guard)

    with ThreadPoolExecutor(THREADS) as pool:
        looks = [look for part in pool.map(poll, chunks) for look in part]
    took_s, cpu_s = time.monotonic() - began, time.process_time() - used
    return {"took_s": took_s, "cpu_s": cpu_s, "failures": Counter(look.failure or "good" for look in looks)}


def main() -> None:
    command = [sys.executable, "-m", "tests.bench.fleet_poll", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            print(json.dumps(measure(int(server.stdout.readline()))))
        finally:
            server.kill()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        main()
