"""What a cloud session of Claude Code is kept from reading, besides what the answer itself denies.

Its own denials do not hold for a search that starts above the folder (seen with the real client), so the guard is
asked before each use of a tool that reads or writes files.
"""

from __future__ import annotations

import json
import os
import shlex
import site
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kirikae.clients.claude_settings import read_settings
from kirikae.clients.programs import find_tool
from kirikae.collect.runtime_facts import entries_of, mapping_of
from kirikae.errors import PreflightError
from kirikae.guarding.protected_folders import list_folders
from kirikae.home import Home

DENY, SETTINGS = "--disallowedTools=", "--settings"
# What reads, writes or uploads files that its input names. With `^` and `$` the client takes it for an expression.
GUARDED_TOOLS = (
    "^(Read|Edit|MultiEdit|Write|NotebookEdit|Grep|Glob|Skill|SlashCommand|Workflow"
    "|Artifact|LSP|Projects|SendUserFile|mcp__.*)$"
)
# The client waits so long for the guard; an answer takes a tenth of a second.
GUARD_TIMEOUT_S = 15
# Each makes the client ask no hook, or puts another program in its place; a repository's settings may set them.
SWITCHING_OFF = ("CLAUDE_CODE_SAFE_MODE", "CLAUDE_CODE_SHELL_PREFIX", "CLAUDE_CODE_SIMPLE")
UNGUARDED = frozenset(["--bare", "--safe-mode"])
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
    _refuse_unguarded(theirs)
    # The client takes one such option: the developer's own settings and the guard become one.
    own, rest = _without_settings(theirs)
    return [*denied, f"--settings={json.dumps(_with_guard(home, own))}"], rest


def _refuse_unguarded(theirs: Sequence[str]) -> None:
    """The client looks for these anywhere before `--`. Raises PreflightError."""
    end = theirs.index("--") if "--" in theirs else len(theirs)
    found = next((argument for argument in theirs[:end] if argument in UNGUARDED), None)
    if found is not None:
        raise PreflightError("run.unguarded", argument=found)


def _hooks(home: Home) -> dict[str, object]:
    """Without a guard that answers nothing is read: any failure of it counts as a no."""
    hook = {"type": "command", "command": _guard_command(home), "timeout": GUARD_TIMEOUT_S}
    on_prompt, on_tool = {"hooks": [hook]}, {"matcher": GUARDED_TOOLS, "hooks": [hook]}
    return {"SessionStart": [on_prompt], "UserPromptSubmit": [on_prompt], "PreToolUse": [on_tool]}


def _guard_command(home: Home) -> str:
    """This program, state folder and git, whatever the session's folder holds and its settings set."""
    programs = [program for name in ("git", "ssh") if (program := find_tool(name))]
    folders = [*(str(Path(program).absolute().parent) for program in programs), *os.defpath.split(os.pathsep)]
    pinned = {"HOME": Path.home(), "KIRIKAE_HOME": home.path, "PATH": os.pathsep.join(dict.fromkeys(folders))}
    variables = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in pinned.items())
    return f"{variables} {shlex.quote(sys.executable)} {_isolation()} -m kirikae guard || exit 2"


def _isolation() -> str:
    """Python loads nothing from the current folder or from PYTHONPATH; user packages only where Kirikae is one."""
    is_user_package = bool(site.USER_SITE) and Path(__file__).is_relative_to(str(site.USER_SITE))
    return "-EP" if is_user_package else "-I"


def _with_guard(home: Home, settings: Mapping[str, object]) -> dict[str, object]:
    """Settings of the command line win over those of a repository, which could switch hooks off."""
    theirs, ours = mapping_of(settings, "hooks"), _hooks(home)
    merged = {event: [*entries_of(ours, event), *entries_of(theirs, event)] for event in (*ours, *theirs)}
    env = {**mapping_of(settings, "env"), **dict.fromkeys(SWITCHING_OFF, "")}
    return {**settings, "disableAllHooks": False, "hooks": merged, "env": env}


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
