"""`kirikae service install|remove|status|run`: has the system keep the agent running, and runs it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence

from kirikae.arguments import Arguments
from kirikae.errors import NoPolicyError, PreflightError
from kirikae.home import Home, unwritten
from kirikae.policy.bundle_store import load_bundle
from kirikae.receipts.spool import REFUSED, SPOOL, count_put_aside
from kirikae.service.unit import Unit, unit_of
from kirikae.texts import say

LOCK, STATUS = "service.lock", "service.json"


def execute(arguments: Arguments, home: Home) -> int:
    actions = {"install": _install, "remove": _remove, "status": _status, "run": _run}
    return actions[arguments.action](arguments, home)


def _run(arguments: Arguments, home: Home) -> int:
    from kirikae.service.running import run_service  # noqa: PLC0415 - the other actions need none of it

    home.get_enrolment()
    run_service(home, listen=arguments.listen)
    return 0


def _install(arguments: Arguments, home: Home) -> int:
    """Shows the whole file before it starts anything."""
    home.get_enrolment()
    if arguments.listen:
        from kirikae.service.sockets import parse_address  # noqa: PLC0415 - as above

        parse_address(arguments.listen)
    unit = unit_of(sys.platform, listen=arguments.listen)
    print(say("service.writes", path=unit.path))
    print(unit.content)
    _write(unit)
    for command in unit.start:
        print(f"$ {' '.join(command)}")
    if not _do(unit.start):
        raise PreflightError("service.not_started", path=unit.path)
    print(say("service.installed"))
    return 0


def _remove(_arguments: Arguments, _home: Home) -> int:
    unit = unit_of(sys.platform, listen=None)
    if not unit.path.exists():
        print(say("service.not_installed"))
        return 0
    _do(unit.stop)
    unit.path.unlink(missing_ok=True)
    print(say("service.removed", path=unit.path))
    return 0


def _status(_arguments: Arguments, home: Home) -> int:
    unit = unit_of(sys.platform, listen=None)
    is_up = is_running(home)
    print(say("service.runs" if is_up else "service.stands", pid=home.read_json(STATUS).get("pid")))
    print(say("service.installed_at", path=unit.path) if unit.path.exists() else say("service.not_installed"))
    _tell_status(home)
    return 0 if is_up else 1


def _tell_status(home: Home) -> None:
    status = home.read_json(STATUS)
    succeeded_at = status.get("last_success_at")
    print(say("service.last_success", at=succeeded_at) if succeeded_at else say("service.no_success"))
    if status.get("agents_port"):
        print(say("service.entrance", port=status["agents_port"]))
    if status.get("last_error"):
        print(say("service.last_error", code=status["last_error"], failures=status.get("failures") or 0))
    try:
        print(say("service.policy", revision=load_bundle(home).bundle.revision))
    except NoPolicyError as error:
        print(say(error.code, **error.data))
    print(say("service.waiting", count=len(list((home.path / SPOOL).glob("*.json")))))
    if count := count_put_aside(home):
        print(say("service.put_aside", count=count, folder=home.path / REFUSED))


def is_running(home: Home) -> bool:
    """The service holds its lock as long as it lives, however it ends."""
    try:
        handle = os.open(home.path / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _write(unit: Unit) -> None:
    try:
        unit.path.parent.mkdir(parents=True, exist_ok=True)
        unit.path.write_text(unit.content, encoding="utf-8")
        # launchd does not make the folder of the log.
        if sys.platform == "darwin":
            (unit.path.parents[1] / "Logs" / "Kirikae").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritten(unit.path, error) from error


def _do(commands: Sequence[Sequence[str]]) -> bool:
    """Whether the last one succeeded; those before it may say that there was nothing to end."""
    done = False
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done
