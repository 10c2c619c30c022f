"""Runs the client as a child in the same process group and terminal, and ends as it ended.

The group is the shell's job: keys of the terminal reach the client directly, and stopping and continuing work for both.
Few imports: the wrapper pays for them before the client starts.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from kirikae.errors import PreflightError

# What `signal` is made of; its enumerations cost the wrapper 2 ms, and `typing` as much.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

# The terminal sends these to every process of the job itself.
OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
PASSED_ON = (*OF_THE_TERMINAL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
# Python ignores these and a child would inherit that.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
ALIVE_EVERY_S = 300.0

type Texts = Sequence[str] | Sequence[bytes]
type Variables = Mapping[str, str] | Mapping[bytes, bytes]


def supervise(program: str | bytes, arguments: Texts, environment: Variables, *, note: str, server: str = "") -> int:
    """The exit code to leave with. Receipts of the running and of the ended client are made from the file `note`.

    `server`: "host:port", and the client reaches nothing else; empty for one that keeps the machine's network.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        status = run_client(
            program, arguments, environment, while_alive=lambda: _note(note, "alive", None), server=server
        )
    except PreflightError as error:
        status = _tell_not_confined(error, note)
    _note(note, "end", status)
    return end_as(status)


def run_client(
    program: str | bytes,
    arguments: Texts,
    environment: Variables,
    *,
    while_alive: Callable[[], None],
    server: str = "",
) -> int:
    """The exit code, or minus the number of the signal that ended it; 126 when it cannot be started.

    `while_alive` is called every five minutes, in a thread. Raises PreflightError when the client would reach more than
    `server`.
    """
    heard = frozenset(number for number in PASSED_ON if _is_heard(number))
    signals = _Signals(heard | {signal.SIGCHLD})
    try:
        argv = [os.fsencode(argument) for argument in arguments]
        variables = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
        # What comes before the client is there is kept for it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals.numbers)
        try:
            child = _start(program, argv, variables, mask=mask, server=server)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        stop = _start_telling(while_alive)
        try:
            return _wait(child, signals)
        finally:
            stop()
    except OSError as error:
        print(f"kirikae: {os.fsdecode(program)}: {error.strerror}", file=sys.stderr)
        return 126
    finally:
        signals.close()


def _start(
    program: str | bytes,
    argv: list[bytes],
    variables: Mapping[bytes, bytes],
    *,
    mask: "set[int | signal.Signals]",
    server: str,
) -> int:
    """Its process. Raises OSError, and PreflightError."""
    if not server:
        return os.posix_spawn(program, argv, variables, setsigdef=IGNORED_BY_PYTHON, setsigmask=mask)
    from kirikae.confining.namespace import Start, start_enclosed  # noqa: PLC0415 - most launches need none

    host, _, port = server.rpartition(":")
    handled = [number for number in PASSED_ON if _is_heard(number)]
    start = Start(program, argv, variables, signals=([*IGNORED_BY_PYTHON, *handled], mask))
    child, listener = start_enclosed(start, port=int(port))
    from kirikae.confining.relay import Server, serve_relay  # noqa: PLC0415 - the client runs by now

    # Set for every launch, by the launch.
    model = os.fsdecode(variables.get(b"KIRIKAE_MODEL", b""))
    serve_relay(listener, server=Server(host, int(port), model))
    return child


def _tell_not_confined(error: PreflightError, note: str) -> int:
    """The exit code. What was remembered of this machine does not hold any more."""
    from pathlib import Path  # noqa: PLC0415 - as rare as a machine that changes

    from kirikae.confining.means import forget_reach  # noqa: PLC0415
    from kirikae.home import Home  # noqa: PLC0415
    from kirikae.texts import say  # noqa: PLC0415

    forget_reach(Home(Path(note).parent.parent))
    print(say(error.code, **error.data), file=sys.stderr)
    return error.exit_code


def end_as(status: int) -> int:
    """The exit code to leave with. A client that a signal ended takes its launcher with it, as a shell expects."""
    if status >= 0:
        return status
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
    # A signal that is blocked, or that does not end a process.
    return 128 - status


def _note(note: str, kind: str, status: int | None) -> None:
    from kirikae.receipts.notes import write_later_receipt  # noqa: PLC0415 - not before the client runs

    write_later_receipt(note, kind=kind, exit_code=status)


def _is_heard(number: int) -> bool:
    """One that was ignored when we started (`nohup`) stays ignored, for the client too."""
    return signal.getsignal(number) != signal.SIG_IGN


def _is_foreground() -> bool:
    """Whether this job has the terminal, which then has sent the signal to the client as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _wait(child: int, signals: "_Signals") -> int:
    while True:
        pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if pid == 0:
            number = signals.next()
            is_for_client = number in signals.numbers and number != signal.SIGCHLD
            if is_for_client and not (number in OF_THE_TERMINAL and _is_foreground()):
                os.kill(child, number)
        elif not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        else:
            # A client that stops only itself must give the terminal back to the shell.
            os.kill(os.getpid(), signal.SIGSTOP)
            os.kill(child, signal.SIGCONT)


class _Signals:
    """Signals come out of a pipe, in the order in which they came, whichever thread the system gives them to.

    A thread that still looks for a runtime or a portal would take the one that says that the client has ended from
    whoever waits for it by `sigwait`.
    """

    def __init__(self, numbers: "frozenset[signal.Signals]") -> None:
        self.numbers = numbers
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._woken_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in self.numbers}

    def close(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken_before)
        os.close(self._reading)
        os.close(self._writing)

    def next(self) -> int:
        """Waits for it."""
        return os.read(self._reading, 1)[0]


def _start_telling(while_alive: Callable[[], None]) -> Callable[[], None]:
    import threading  # noqa: PLC0415 - the client runs by now

    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(ALIVE_EVERY_S):
            while_alive()

    threading.Thread(target=tell, daemon=True).start()
    return ended.set
