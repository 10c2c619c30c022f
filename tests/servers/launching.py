"""Starting a server's binary so that it ends with whoever started it, and never as root."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NOBODY = 65534


class ServerStartError(RuntimeError):
    """The server did not start; the text names it and its log."""


def start(argv: Sequence[str], *, log: Path, environment: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    """The server in the background, writing to `log`; a session of its own, as a service or a container is: Linux
    shares cores between sessions.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [*ending_with_parent(), *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | (environment or {}),
            start_new_session=True,
        )


def stop(process: "subprocess.Popen[bytes]", *, within_s: float = 10) -> None:
    process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ending_with_parent() -> list[str]:
    """On Linux the kernel ends the server when its parent dies, even by SIGKILL; elsewhere the next sweep does."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "TERM"] if program and sys.platform == "linux" else []


def not_as_root(folder: Path) -> list[str]:
    """What to put in front of a program that refuses to run as root; nothing for everybody else.

    In a user namespace of its own the program sees another user, while files stay ours and no mode is changed. Where
    namespaces are refused, it runs as nobody, and the folder is given to nobody.
    """
    if os.geteuid() != 0:
        return []
    namespace = ["unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
    if can_run([*namespace, "true"]):
        return namespace
    return as_nobody(folder)


def as_nobody(folder: Path) -> list[str]:
    """Runs as nobody, who gets the folder; its parents must let everybody through, as /tmp does."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def can_run(argv: Sequence[str]) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False
