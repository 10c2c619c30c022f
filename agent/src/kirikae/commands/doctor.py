"""`kirikae doctor`: checks what a launch needs, one line each; the exit code is that of the first failure.

A note is told as well, and fails nothing: the machine works, but less well than it could.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from kirikae.arguments import Arguments
from kirikae.clients.claude_managed import find_sandbox
from kirikae.collect.full_report import add_installed
from kirikae.collect.hardware import read_state
from kirikae.collect.report import last_runtimes
from kirikae.collect.runtime_facts import Runtime
from kirikae.collect.runtimes import REPORT_BUDGET_S, find_runtimes
from kirikae.commands.models import describe_runtime
from kirikae.commands.service import is_running
from kirikae.confining.means import try_reach
from kirikae.errors import AgentError, NoPolicyError, PreflightError
from kirikae.home import Home
from kirikae.policy.bundle_store import load_bundle
from kirikae.policy.freshness import find_distrust, policy_in_force
from kirikae.portal.client import PortalClient
from kirikae.signals.git import run_git
from kirikae.texts import say

# What Claude Code sends of itself even with few tools, and some room for work.
SMALLEST_CONTEXT_TOKENS = 16_384
# Ubuntu's: namespaces only for programs with a profile.
RESTRICTION = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")

# Raises AgentError for a failure, returns the text of a note, or None when all is well.
type Check = Callable[[Home], str | None]


def execute(_arguments: Arguments, home: Home) -> int:
    failures = [error for check, examine in CHECKS.items() if (error := _examine(check, examine, home)) is not None]
    for runtime in _runtimes(home):
        for text in _runtime_notes(runtime):
            print(say("doctor.note", check=describe_runtime(runtime), text=text))
    return failures[0].exit_code if failures else 0


def _examine(check: str, examine: Check, home: Home) -> AgentError | None:
    name = say(f"doctor.{check}")
    try:
        note = examine(home)
    except AgentError as error:
        print(say("doctor.bad", check=name, text=say(error.code, **error.data)))
        return error
    print(say("doctor.note", check=name, text=note) if note else say("doctor.ok", check=name))
    return None


def _check_home(home: Home) -> None:
    home.prepare()
    home.prove_writable()


def _check_enrolment(home: Home) -> None:
    home.get_token()


def _check_policy(home: Home) -> None:
    policy = policy_in_force(load_bundle(home))
    cause = find_distrust(policy.stored)
    if cause is not None:
        raise NoPolicyError(f"policy.{cause}")
    if policy.state == "expired":
        raise NoPolicyError("doctor.policy_expired", hours=policy.age_s // 3600)


def _check_portal(home: Home) -> None:
    with PortalClient.of_this_machine(home) as client:
        client.get_if_changed("/api/v1/bundle", etag=None)


def _check_service(home: Home) -> str | None:
    return None if is_running(home) else say("doctor.service_stands")


def _check_runtimes(home: Home) -> None:
    if not any(runtime.state == "up" for runtime in _runtimes(home)):
        raise PreflightError("models.none")


def _check_memory(_home: Home) -> str | None:
    pressure = read_state().get("memory_pressure")
    if pressure not in {"warning", "critical"}:
        return None
    return say("doctor.memory_short", level=say(f"pressure.{pressure}"))


def _check_git(_home: Home) -> None:
    if run_git(Path.cwd(), ["version"]) is None:
        raise PreflightError("doctor.git_missing")


def _check_confinement(home: Home) -> str | None:
    """Tried anew: what is remembered from a launch may have changed."""
    file = find_sandbox()
    if file is not None:
        remedy = "sandbox_in_profile" if file.suffix == ".plist" else "sandbox_in_file"
        return say("doctor.not_confined", remedy=say(f"doctor.{remedy}", path=shlex.quote(str(file))))
    reach = try_reach(home)
    if reach == "client":
        return None
    code = "doctor.commands_confined" if reach == "commands" else "doctor.not_confined"
    return say(code, remedy=say(f"doctor.{_missing_means()}"))


def _missing_means(restriction: Path = RESTRICTION, platform: str = sys.platform) -> str:
    if platform == "darwin":
        return "profile_fails"
    try:
        is_restricted = restriction.read_text().strip() == "1"
    except OSError:
        is_restricted = False
    return "namespaces_restricted" if is_restricted else "namespaces_off"


def _check_client(_home: Home) -> str | None:
    return say("doctor.client_missing") if shutil.which("claude") is None else None


def _runtimes(home: Home) -> tuple[Runtime, ...]:
    enrolment = home.find_enrolment()
    portal = enrolment.portal_url if enrolment else None
    return add_installed(find_runtimes(budget_s=REPORT_BUDGET_S, known=last_runtimes(home), skip=portal), home)


def _runtime_notes(runtime: Runtime) -> Iterator[str]:
    if runtime.state == "broken":
        yield say("doctor.runtime_broken")
    if runtime.state != "up":
        return
    if not runtime.models:
        yield say("models.no_model")
    if runtime.messages_api is False:
        yield say("doctor.no_messages_api")
    if runtime.kind == "lm_studio" and any(model.remote is None for model in runtime.models):
        yield say("doctor.link_unknown")
    for model in runtime.models:
        context = model.effective_context_tokens
        if model.remote is False and context is not None and context < SMALLEST_CONTEXT_TOKENS:
            yield say(f"doctor.small_context.{_hint(runtime)}", model=model.name, tokens=f"{context:,}")


def _hint(runtime: Runtime) -> str:
    return runtime.kind if runtime.kind in {"ollama", "llama_cpp", "lm_studio"} else "other"


CHECKS: dict[str, Check] = {
    "home": _check_home,
    "enrolment": _check_enrolment,
    "portal": _check_portal,
    "policy": _check_policy,
    "service": _check_service,
    "runtimes": _check_runtimes,
    "memory": _check_memory,
    "git": _check_git,
    "client": _check_client,
    "confinement": _check_confinement,
}
