"""What a cloud session of Claude Code is kept from reading, besides what the answer itself denies.

Its own denials do not hold for a search that starts above the folder (seen with the real client), so the guard is
asked before each use of a tool that reads or writes files.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from kirikae.home import Home
from kirikae.protected_folders import list_folders

DENY = "--disallowedTools="
FILE_TOOLS = "Read|Edit|MultiEdit|Write|NotebookEdit|Grep|Glob"
# The client waits so long for the guard; an answer takes a tenth of a second.
GUARD_TIMEOUT_S = 15
_ENDS_A_RULE = str.maketrans(dict.fromkeys("(),", "?"))


def deny_reading(home: Home, recipe: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """The arguments of the recipe with the agent's own state, folders of protected work, and the guard, denied."""
    folders = list_folders(home)
    is_guarded = bool(folders) or any(argument.startswith(DENY) for argument in recipe)
    rules = ",".join(f"Read({_rule(folder)})" for folder in (home.path, *folders))
    denied = [f"{argument},{rules}" if argument.startswith(DENY) else argument for argument in recipe]
    if not any(argument.startswith(DENY) for argument in recipe):
        denied.append(f"{DENY}{rules}")
    # The client takes one such option, and the developer's own comes last.
    has_settings = any(argument.partition("=")[0] == "--settings" for argument in theirs)
    return [*denied, f"--settings={json.dumps(guard_settings())}"] if is_guarded and not has_settings else denied


def guard_settings() -> dict[str, object]:
    """Without a guard that answers nothing is read: any failure of it counts as a no."""
    command = f"{shlex.quote(sys.executable)} -m kirikae.cli guard || exit 2"
    hook = {"type": "command", "command": command, "timeout": GUARD_TIMEOUT_S}
    on_prompt, on_tool = {"hooks": [hook]}, {"matcher": FILE_TOOLS, "hooks": [hook]}
    return {"hooks": {"SessionStart": [on_prompt], "UserPromptSubmit": [on_prompt], "PreToolUse": [on_tool]}}


def _rule(folder: Path) -> str:
    """`//` starts at the root of the disk; characters that end a rule or a list become `?`."""
    return f"/{folder}/**".translate(_ENDS_A_RULE)
