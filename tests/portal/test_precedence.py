"""Intake stands behind the other processes, also where the system shares cores between sessions."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from portal.processes.precedence import few_at_a_time

STAND_BACK = """
import os
from portal.processes import precedence
before = os.nice(0)
precedence.stand_back()
print(os.nice(0) - before, *(precedence.AUTOGROUP.read_text().split()[-1:] if precedence.AUTOGROUP.exists() else ()))
"""


def started_by_another(code: str) -> str:
    return f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"


def told_by(code: str) -> list[int]:
    """Steps of the process and, where the system counts them, of its session."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, start_new_session=True)
    return [int(word) for word in done.stdout.split()]


def test_alone_in_its_session_it_takes_the_session_along() -> None:
    """A server's master, or a process of its own."""
    assert told_by(STAND_BACK) in ([10, 10], [10])
    assert told_by(started_by_another(STAND_BACK)) in ([10, 10], [10])


def test_in_the_session_of_somebody_else_it_slows_down_itself_alone() -> None:
    """A terminal, in it a server's master, and its process."""
    assert told_by(started_by_another(started_by_another(STAND_BACK))) in ([10, 0], [10])


def test_more_than_a_few_wait_until_one_is_done() -> None:
    places, may_go_on = threading.Semaphore(0), threading.Event()

    def serve(number: int) -> list[bytes]:
        places.release()
        assert may_go_on.wait(10)
        return [b"%d" % number]

    bounded = few_at_a_time(serve, most=2)
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(bounded, number) for number in range(3)]
        assert places.acquire(timeout=10)
        assert places.acquire(timeout=10)
        is_third_in = places.acquire(timeout=0.2)
        may_go_on.set()
        told = [answer.result(10) for answer in answers]

    assert (is_third_in, told) == (False, [[b"0"], [b"1"], [b"2"]])
