"""How late this machine lets a process run that wants a core for a moment: `python -m tests.bench.floor`.

No figure of time can be better than that. Sleeps a millisecond, again and again until stdin closes. Prints a line when
it begins, and at the end as JSON by how many milliseconds it overslept each time.
"""

import json
import sys
import threading
import time

SLEEP_S = 0.001


def main() -> None:
    is_over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    print("counting", flush=True)
    late_ms = []
    while not is_over.is_set():
        slept = time.perf_counter()
        time.sleep(SLEEP_S)
        late_ms.append((time.perf_counter() - slept - SLEEP_S) * 1000)
    print(json.dumps(sorted(late_ms)))


if __name__ == "__main__":
    main()
