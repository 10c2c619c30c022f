"""Turns an answer into the environment and arguments of a client, after checking that the launch will hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from kirikae.clients.arguments import find_refused_argument
from kirikae.clients.claude_arguments import shield_prompt
from kirikae.clients.claude_managed import find_winning_setting
from kirikae.clients.environment import fits_any
from kirikae.clients.kinds import OWN_PROGRAM, ClientKind
from kirikae.collect.runtime_facts import base_url_of, entries_of, mapping_of
from kirikae.engine.named_tuple import NamedTuple
from kirikae.errors import PreflightError
from kirikae.guarding.cloud_denials import SETTINGS, SWITCHING_OFF, deny_reading
from kirikae.home import Home
from kirikae.launching.preflight import Preflight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

# As receipts tell it: how far the launch itself keeps work from leaving.
type Level = Literal["advisory", "guarded", "enforced"]

KNOWN_OBLIGATIONS = frozenset(
    [
        "loopback_only",
        "separate_config_dir",
        "no_history",
        "no_web_tools",
        "no_mcp",
        "slim_tools",
        "context_cap",
        "output_cap",
        "parallel_agents_max",
        "no_agent_teams",
        "deny_read_paths",
        "send_receipt",
    ]
)
# They lead git, and with it a client that tells the model of recent commits, to another repository than was judged.
# GIT_INDEX_FILE stays: a commit's hooks need it.
LEADING_ELSEWHERE = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
)
# Closed proxies stop git only where it goes by http; ssh would reach its server.
CLOSED_TO_GIT = {"GIT_ALLOW_PROTOCOL": "file"}
# Written before each protected launch, so that nothing which a session left there steers the next one.
PROTECTED_SETTINGS = {"permissions": {"deny": ["WebFetch", "WebSearch"]}}


class Launch(NamedTuple):
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    level: Level = "advisory"


def check_launch(
    preflight: Preflight,
    document: Mapping[str, object],
    *,
    kind: ClientKind,
    command: Sequence[str],
    allowed: str | None = None,
) -> None:
    """Raises PreflightError; nothing is launched then. The runtime is checked in `preflight`.

    `allowed`: the program that the caller answers for, as it was typed.
    """
    with preflight.check("obligations"):
        for obligation in entries_of(document, "obligations"):
            if obligation.get("code") not in KNOWN_OBLIGATIONS:
                raise PreflightError("run.unknown_obligation", obligation=obligation.get("code"))
    if not is_hardened(document):
        return
    _check_client(preflight, kind, program=command[0], allowed=allowed)
    with preflight.check("arguments"):
        refused = find_refused_argument(kind, command[1:])
        if refused is not None:
            raise PreflightError("run.argument_refused", argument=refused)
    if kind.name == "claude":
        with preflight.check("managed_settings"):
            _check_managed_settings(document)


def _check_client(preflight: Preflight, kind: ClientKind, *, program: str, allowed: str | None) -> None:
    if kind is OWN_PROGRAM and allowed == program:
        # It runs, and the receipt says that nothing of it was proven.
        preflight.notes.append({"check": "client", "ok": False, "code": "run.own_program"})
        return
    with preflight.check("client"):
        if kind is OWN_PROGRAM:
            raise PreflightError("run.program_not_proven", program=program)
        if not kind.may_protect:
            raise PreflightError("run.client_not_proven", client=kind.name)


def _check_managed_settings(document: Mapping[str, object]) -> None:
    recipe = mapping_of(document, "launch")
    winning = find_winning_setting(_texts(recipe.get("unset")), _variables(recipe))
    if winning is not None:
        raise PreflightError("run.managed_wins", file=winning[0], key=winning[1])


def is_hardened(document: Mapping[str, object]) -> bool:
    return mapping_of(document, "launch").get("profile") == "hardened"


def prepare_launch(
    document: Mapping[str, object],
    home: Home,
    *,
    kind: ClientKind,
    command: Sequence[str],
    inherited: Mapping[str, str] = os.environ,
    has_rules: bool = True,
) -> Launch:
    """The answer's environment over the inherited one without what it unsets; its arguments before the user's.

    `has_rules`: the policy protects something. Raises PreflightError.
    """
    recipe = mapping_of(document, "launch")
    unset = [*_texts(recipe.get("unset")), *LEADING_ELSEWHERE]
    kept = {name: value for name, value in inherited.items() if not fits_any(name, unset)}
    added = {name: _filled(value, home) for name, value in _variables(recipe).items()}
    own = [_filled(argument, home) for argument in _texts(recipe.get("args"))]
    theirs = list(command[1:])
    level: Level = "advisory"
    if not is_hardened(document) and kind.name == "claude":
        # A local session too: what it reads stands in a history that a later one in the cloud can take up.
        own, theirs = deny_reading(home, own, theirs, has_rules=has_rules)
        if own[-1].startswith(f"{SETTINGS}="):
            kept = {name: value for name, value in kept.items() if name not in SWITCHING_OFF}
            level = "guarded"
    if is_hardened(document) and kind.name == "claude":
        _prepare_config_folder(home, added.get("CLAUDE_CONFIG_DIR"))
        # It keeps what commands print; a later session in the cloud could read that in the system's folder.
        added["CLAUDE_CODE_TMPDIR"] = str(home.path / "clients" / "tmp")
        theirs = shield_prompt(theirs)
        level = "enforced"
    closed = CLOSED_TO_GIT if is_hardened(document) else {}
    return Launch((command[0], *own, *theirs), kept | _generic_environment(document) | added | closed, level)


def _texts(found: object) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list) else []


def _variables(recipe: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in mapping_of(recipe, "env").items()}


def _generic_environment(document: Mapping[str, object]) -> dict[str, str]:
    """For clients without a recipe of their own."""
    model = mapping_of(document, "model").get("name")
    told = {
        "KIRIKAE_BACKEND": document["backend"],
        # The guard knows by it that a session was launched for protected work.
        "KIRIKAE_LAUNCH": document["id"],
        "KIRIKAE_RUNTIME_URL": base_url_of(document),
        "KIRIKAE_MODEL": model,
    }
    return {name: str(value) for name, value in told.items() if value}


def _filled(text: str, home: Home) -> str:
    return text.replace("{kirikae_home}", str(home.path))


def _prepare_config_folder(home: Home, folder: str | None) -> None:
    """A config folder of its own makes claude start its introduction; `.claude.json` says that it was seen."""
    if folder is None or not Path(folder).is_relative_to(home.path):
        return
    name = Path(folder).relative_to(home.path)
    if home.read_bytes(f"{name}/.claude.json") is None:
        home.write_json(f"{name}/.claude.json", {"hasCompletedOnboarding": True})
    home.write_json(f"{name}/settings.json", PROTECTED_SETTINGS)
