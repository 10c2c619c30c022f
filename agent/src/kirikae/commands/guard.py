"""`kirikae guard`: a hook of Claude Code; reads its event as JSON on standard input.

Exit code 2 stops a prompt or a tool, and any other failure would let it pass: so every failure ends with 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from kirikae.arguments import Arguments
from kirikae.errors import AgentError
from kirikae.guarding.entrance import MAX_EVENT_BYTES, STOP, start_clock
from kirikae.home import Home
from kirikae.texts import say

# What each event must tell to be judged.
FORMS: Mapping[str, Mapping[str, type]] = {
    "SessionStart": {"cwd": str},
    "UserPromptSubmit": {"cwd": str, "prompt": str},
    "PreToolUse": {"cwd": str, "tool_name": str, "tool_input": dict},
}


def execute(_arguments: Arguments, home: Home) -> int:
    start_clock()
    try:
        return _answer(home, _read_event())
    except AgentError as error:
        print(say("guard.undecided", text=say(error.code, **error.data)), file=sys.stderr)
    except Exception:  # noqa: BLE001 - a guard that breaks must not be a guard that lets through
        print(say("guard.broken"), file=sys.stderr)
    return STOP


def _read_event() -> dict[str, object]:
    """Raises TypeError for what is none: an event of another form is not one that can be answered."""
    event = json.loads(sys.stdin.buffer.read(MAX_EVENT_BYTES))
    fields = FORMS.get(event["hook_event_name"]) if isinstance(event, dict) else None
    if fields is None or not all(isinstance(event.get(name), kind) for name, kind in fields.items()):
        raise TypeError("no event")
    return {str(name): value for name, value in event.items()}


def _answer(home: Home, hook: dict[str, object]) -> int:
    from kirikae.guarding.guard import guard  # noqa: PLC0415 - what fails to import must stop the session as well

    verdict = guard(home, hook)
    if verdict.refusal is None:
        return 0
    if hook.get("hook_event_name") == "SessionStart":
        # It cannot stop a session; it can say what will happen to the first prompt.
        print(json.dumps({"systemMessage": verdict.refusal}, ensure_ascii=False))
        return 0
    print(verdict.refusal, file=sys.stderr)
    return STOP
