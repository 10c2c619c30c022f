"""What a cloud session of Claude Code is kept from reading, besides what the answer itself denies.

Its own denials do not hold for a search that starts above the folder (seen with the real client), so the guard is
asked before each use of a tool that reads or writes files.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kirikae.clients.claude_settings import read_settings
from kirikae.collect.runtime_facts import entries_of, mapping_of
from kirikae.errors import PreflightError
from kirikae.guarding.protected_folders import list_folders
from kirikae.home import Home

DENY, SETTINGS = "--disallowedTools=", "--settings"
FILE_TOOLS = "Read|Edit|MultiEdit|Write|NotebookEdit|Grep|Glob"
# The client waits so long for the guard; an answer takes a tenth of a second.
GUARD_TIMEOUT_S = 15
_ENDS_A_RULE = str.maketrans(dict.fromkeys("(),", "?"))


def deny_reading(
    home: Home, recipe: Sequence[str], theirs: Sequence[str], *, has_rules: bool = True
) -> tuple[list[str], list[str]]:
    """(arguments of the recipe, the developer's): our state and protected folders denied, the guard brought.

    `has_rules`: the policy protects something, so a checkout that was never met may be protected too. Raises
    PreflightError.
    """
    folders = list_folders(home)
    is_guarded = has_rules or bool(folders) or any(argument.startswith(DENY) for argument in recipe)
    rules = ",".join(f"Read({_rule(folder)})" for folder in (home.path, *folders))
    denied = [f"{argument},{rules}" if argument.startswith(DENY) else argument for argument in recipe]
    if not any(argument.startswith(DENY) for argument in recipe):
        denied.append(f"{DENY}{rules}")
    if not is_guarded:
        return denied, list(theirs)
    # The client takes one such option: the developer's own settings and the guard become one.
    own, rest = _without_settings(theirs)
    return [*denied, f"--settings={json.dumps(_with_guard(own))}"], rest


def guard_settings() -> dict[str, object]:
    """Without a guard that answers nothing is read: any failure of it counts as a no."""
    command = f"{shlex.quote(sys.executable)} -m kirikae.cli guard || exit 2"
    hook = {"type": "command", "command": command, "timeout": GUARD_TIMEOUT_S}
    on_prompt, on_tool = {"hooks": [hook]}, {"matcher": FILE_TOOLS, "hooks": [hook]}
    return {"hooks": {"SessionStart": [on_prompt], "UserPromptSubmit": [on_prompt], "PreToolUse": [on_tool]}}


def _with_guard(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings of the command line win over those of a repository, which could switch hooks off."""
    theirs, ours = mapping_of(settings, "hooks"), mapping_of(guard_settings(), "hooks")
    merged = {event: [*entries_of(ours, event), *entries_of(theirs, event)] for event in (*ours, *theirs)}
    return {**settings, "disableAllHooks": False, "hooks": merged}


def _without_settings(theirs: Sequence[str]) -> tuple[Mapping[str, object], list[str]]:
    """(the last `--settings`, the arguments without any). Raises PreflightError for settings that cannot be read."""
    end = theirs.index("--") if "--" in theirs else len(theirs)
    settings, rest, is_value = None, list[str](), False
    for argument in theirs[:end]:
        name, has_value, value = argument.partition("=")
        if is_value:
            settings = argument
        elif name == SETTINGS:
            settings = value if has_value else settings
        else:
            rest.append(argument)
        is_value = not is_value and argument == SETTINGS
    document = {} if settings is None else read_settings(settings)
    if document is None or is_value:
        raise PreflightError("run.settings_unread")
    return document, [*rest, *theirs[end:]]


def _rule(folder: Path) -> str:
    """`//` starts at the root of the disk; characters that end a rule or a list become `?`."""
    return f"/{folder}/**".translate(_ENDS_A_RULE)
