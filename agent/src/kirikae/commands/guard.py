"""`kirikae guard`: a hook of Claude Code; reads its event as JSON on standard input.

Exit code 2 stops a prompt or a tool, and any other failure would let it pass: so every failure ends with 2.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from kirikae.arguments import Arguments
from kirikae.errors import AgentError
from kirikae.home import Home
from kirikae.texts import say

STOP = 2
# Before the client stops waiting for its hook, which would let the prompt pass.
PATIENCE_S = 10.0
MAX_EVENT_BYTES = 32 * 1024 * 1024


def execute(_arguments: Arguments, home: Home) -> int:
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        return _answer(home, dict(json.loads(sys.stdin.buffer.read(MAX_EVENT_BYTES))))
    except AgentError as error:
        print(say("guard.undecided", text=say(error.code, **error.data)), file=sys.stderr)
    except Exception:  # noqa: BLE001 - a guard that breaks must not be a guard that lets through
        print(say("guard.broken"), file=sys.stderr)
    return STOP


def _give_up(_number: int, _frame: object) -> None:
    """A disk or a share that hangs; whatever was being tried has no more say."""
    os.write(2, f"{say('guard.broken')}\n".encode())
    os._exit(STOP)


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
