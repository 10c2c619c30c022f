"""`kirikae doctor`: checks what a launch needs, one line each; the exit code is that of the first failure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from kirikae.bundle_store import load_bundle
from kirikae.collect.runtimes import REPORT_BUDGET_S, find_runtimes
from kirikae.errors import AgentError, PreflightError
from kirikae.git import run_git
from kirikae.home import Home
from kirikae.texts import say


def execute(_arguments: argparse.Namespace, home: Home) -> int:
    failures = [error for check, examine in CHECKS.items() if (error := _examine(check, examine, home)) is not None]
    return failures[0].exit_code if failures else 0


def _examine(check: str, examine: Callable[[Home], object], home: Home) -> AgentError | None:
    name = say(f"doctor.{check}")
    try:
        examine(home)
    except AgentError as error:
        print(say("doctor.bad", check=name, text=say(error.code, **error.data)))
        return error
    print(say("doctor.ok", check=name))
    return None


def _check_runtimes(_home: Home) -> None:
    if not any(runtime.state == "up" for runtime in find_runtimes(budget_s=REPORT_BUDGET_S)):
        raise PreflightError("models.none")


def _check_git(_home: Home) -> None:
    if run_git(Path.cwd(), ["version"]) is None:
        raise PreflightError("doctor.git_missing")


CHECKS: dict[str, Callable[[Home], object]] = {
    "home": Home.prepare,
    "enrolment": Home.get_token,
    "policy": load_bundle,
    "runtimes": _check_runtimes,
    "git": _check_git,
}
