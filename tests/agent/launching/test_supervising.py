"""The client runs as a child of the launcher: signals reach it, and the launcher ends as it ended."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from kirikae.home import Home
from kirikae.receipts.notes import write_later_receipt, write_note

pytestmark = pytest.mark.slow
type Start = Callable[[str], "subprocess.Popen[str]"]

LAUNCH = """
import os, sys
from kirikae.launching.supervising import end_as, run_client
server, program = sys.argv[1:3]
sys.exit(end_as(run_client(program, sys.argv[2:], os.environ, while_alive=lambda: None, server=server)))
"""
# The client ends just after its launcher has looked, while a thread that still waits for an answer hears signals too.
LAUNCH_BESIDE_A_THREAD = """
import os, sys, threading
from kirikae.launching.supervising import run_client

look = os.waitpid
def look_and_dawdle(child, options):
    found = look(child, options)
    if found[0] == 0:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    return found

os.waitpid = look_and_dawdle
threading.Thread(target=threading.Event().wait, daemon=True).start()
client = ["sh", "-c", "sleep 0.1; exit 7"]
print(run_client("/bin/sh", client, os.environ, while_alive=lambda: None, server=sys.argv[1]))
"""
# A client in the machine's own network, and one that is confined to this server.
IN_OPEN, CONFINED = "", "127.0.0.1:18000"


@pytest.fixture(params=[IN_OPEN, pytest.param(CONFINED, marks=pytest.mark.where("confinement"))])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(server: str) -> Iterator[Start]:
    """Starts a launcher, in a session of its own, whose client is this script of the shell."""
    with ExitStack() as stack:

        def run(script: str) -> "subprocess.Popen[str]":
            command = [sys.executable, "-c", LAUNCH, server, "/bin/sh", "-c", script]
            launcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
            # A launcher that hangs fails its test instead of stopping all of them.
            timer = threading.Timer(30, os.killpg, (launcher.pid, signal.SIGKILL))
            timer.start()
            stack.callback(timer.cancel)
            return stack.enter_context(launcher)

        yield run


def test_the_exit_code_of_the_client_is_passed_through(start: Start) -> None:
    assert start("exit 42").wait(10) == 42


def test_the_end_of_the_client_is_noticed_beside_threads_that_hear_signals(server: str) -> None:
    command = [sys.executable, "-c", LAUNCH_BESIDE_A_THREAD, server]

    assert subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout == "7\n"


def test_a_signal_that_ends_the_client_ends_the_launcher(start: Start) -> None:
    assert start("kill -TERM $$").wait(10) == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_signals_reach_the_client(start: Start, number: signal.Signals) -> None:
    script = f"trap 'echo got; exit 5' {number.value}; echo ready; while :; do sleep 0.02; done"
    launcher = start(script)
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == "ready\n"

    launcher.send_signal(number)

    assert launcher.stdout.readline() == "got\n"
    assert launcher.wait(10) == 5


def test_what_was_ignored_stays_ignored(server: str) -> None:
    command = f"trap '' HUP; exec {sys.executable} -c '{LAUNCH}' '{server}' /bin/sh -c 'kill -HUP $$; echo still here'"

    assert subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout == (
        "still here\n"
    )


def test_the_client_has_the_terminal_and_its_keys(server: str) -> None:
    script = "trap 'echo interrupted; exit 9' INT; [ -t 0 ] && [ -t 1 ] && echo ready; while :; do sleep 0.02; done"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", LAUNCH, server, "/bin/sh", "-c", script])  # noqa: S606
    seen = read_until(terminal, b"ready")

    os.write(terminal, b"\x03")
    seen += read_until(terminal, b"interrupted")
    _, status = os.waitpid(pid, 0)

    os.close(terminal)
    assert seen.count(b"interrupted") == 1
    assert os.waitstatus_to_exitcode(status) == 9


def test_a_program_that_cannot_be_started_is_named(server: str, capfd: pytest.CaptureFixture[str]) -> None:
    launched = [sys.executable, "-c", LAUNCH, server, "/nowhere/claude"]

    assert subprocess.run(launched, check=False).returncode == 126
    assert capfd.readouterr().err == "kirikae: /nowhere/claude: No such file or directory\n"


def test_stopping_the_client_gives_the_terminal_back(start: Start) -> None:
    launcher = start("echo ready; kill -STOP $$; echo went on")
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == "ready\n"

    _, status = os.waitpid(launcher.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    launcher.send_signal(signal.SIGCONT)

    assert launcher.stdout.readline() == "went on\n"
    assert launcher.wait(10) == 0


def test_later_receipts_are_made_from_the_first(home: Home) -> None:
    note = write_note(home, {"kind": "start", "exit": None, "decision": {"id": "d"}}, decision_id="d")

    write_later_receipt(note, kind="alive", exit_code=None)
    write_later_receipt(note, kind="end", exit_code=-15)

    kept = {file.name: json.loads(file.read_bytes()) for file in (home.path / "receipts").iterdir()}
    assert {name: (one["kind"], one["exit"]) for name, one in kept.items()} == {
        "d-alive.json": ("alive", None),
        "d-end.json": ("end", -15),
    }
    assert list((home.path / "launches").iterdir()) == []


def read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        assert select.select([terminal], [], [], 20)[0], seen
        seen += os.read(terminal, 1024)
    return seen
