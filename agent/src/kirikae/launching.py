"""Turns an answer into the environment and arguments of a client, after checking that the launch will hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from kirikae.client_arguments import find_undoing_argument
from kirikae.collect.runtime_facts import entries_of, mapping_of
from kirikae.collect.runtimes import is_loopback, probe_runtime
from kirikae.errors import PreflightError
from kirikae.home import Home

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
PREFLIGHT_BUDGET_S = 0.3


@dataclass(frozen=True)
class Launch:
    argv: tuple[str, ...]
    environment: Mapping[str, str]


def check_launch(document: Mapping[str, object], *, client: str, arguments: Sequence[str]) -> None:
    """Raises PreflightError; nothing is launched then."""
    for obligation in entries_of(document, "obligations"):
        if obligation.get("code") not in KNOWN_OBLIGATIONS:
            raise PreflightError("run.unknown_obligation", obligation=obligation.get("code"))
    if is_hardened(document):
        undoing = find_undoing_argument(client, arguments)
        if undoing is not None:
            raise PreflightError("run.argument_refused", argument=undoing)
    if document["backend"] == "local":
        _check_runtime(document)


def is_hardened(document: Mapping[str, object]) -> bool:
    return mapping_of(document, "launch").get("profile") == "hardened"


def _check_runtime(document: Mapping[str, object]) -> None:
    """The runtime answers, and still serves the model from this machine: it may have changed since the answer."""
    base_url = base_url_of(document)
    if not is_loopback(base_url):
        raise PreflightError("run.not_loopback", runtime=base_url)
    runtime = probe_runtime(base_url, deadline=monotonic() + PREFLIGHT_BUDGET_S)
    names = [model.name for model in runtime.models if model.remote is False] if runtime else []
    if runtime is None or runtime.state != "up" or mapping_of(document, "model").get("name") not in names:
        raise PreflightError("run.runtime_silent", runtime=base_url)


def base_url_of(document: Mapping[str, object]) -> str:
    return str(mapping_of(document, "runtime").get("base_url") or "")


def prepare_launch(
    document: Mapping[str, object], home: Home, *, command: Sequence[str], inherited: Mapping[str, str] = os.environ
) -> Launch:
    """The answer's environment over the inherited one without what it unsets; its arguments before the user's."""
    recipe = mapping_of(document, "launch")
    unset, args = recipe.get("unset"), recipe.get("args")
    patterns = [str(pattern) for pattern in unset] if isinstance(unset, list) else []
    kept = {name: value for name, value in inherited.items() if not any(_fits(name, one) for one in patterns)}
    added = {name: _filled(str(value), home) for name, value in mapping_of(recipe, "env").items()}
    own = [_filled(str(arg), home) for arg in args] if isinstance(args, list) else []
    _prepare_config_folder(home, added.get("CLAUDE_CONFIG_DIR"))
    return Launch(
        argv=(command[0], *own, *command[1:]),
        environment=kept | _generic_environment(document) | added,
    )


def _generic_environment(document: Mapping[str, object]) -> dict[str, str]:
    """For clients without a recipe of their own."""
    model = mapping_of(document, "model").get("name")
    told = {
        "KIRIKAE_BACKEND": document["backend"],
        "KIRIKAE_RUNTIME_URL": base_url_of(document),
        "KIRIKAE_MODEL": model,
    }
    return {name: str(value) for name, value in told.items() if value}


def _fits(name: str, pattern: str) -> bool:
    """`*` at the beginning or the end of a pattern stands for any rest."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name.endswith(pattern[1:]) if pattern.startswith("*") else name == pattern


def _filled(text: str, home: Home) -> str:
    return text.replace("{kirikae_home}", str(home.path))


def _prepare_config_folder(home: Home, folder: str | None) -> None:
    """A config folder of its own makes claude start its introduction; this note says that it was seen."""
    if folder is None or not Path(folder).is_relative_to(home.path):
        return
    name = f"{Path(folder).relative_to(home.path)}/.claude.json"
    if home.read_bytes(name) is None:
        home.write_json(name, {"hasCompletedOnboarding": True})
