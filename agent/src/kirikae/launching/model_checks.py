"""Two questions to a model that only an inference answers; asked once for each model and version of its runtime.

Claude Code sends a system message in the middle of a conversation, and works through tools: a server that answers the
first with an error, or writes a tool call as text, is of no use to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import monotonic

from kirikae.collect.runtime_facts import mapping_of
from kirikae.fetch import FetchError, Response, fetch
from kirikae.home import Home
from kirikae.moments import now, write_moment

CHECKS = "checks.json"
MAX_KEPT = 200
# A large model is read from disk first.
CHECK_TIMEOUT_S = 180.0
HEADERS = {"anthropic-version": "2023-06-01", "Authorization": "Bearer local"}
TOOL = {
    "name": "report",
    "description": "Reports one word.",
    "input_schema": {
        "type": "object",
        "properties": {"word": {"type": "string", "enum": ["ready"]}},
        "required": ["word"],
    },
}


@dataclass(frozen=True)
class ModelChecks:
    """As reports carry it; `runtime_version` may be unknown."""

    runtime_version: str | None
    system_in_middle: bool
    tool_call: bool
    checked_at: str

    @property
    def are_passed(self) -> bool:
        return self.system_in_middle and self.tool_call

    def document(self) -> dict[str, object]:
        return asdict(self)


def find_checks(home: Home, *, runtime_version: str | None, model: str) -> ModelChecks | None:
    """None when this model was not asked under this version."""
    kept = mapping_of(home.read_json(CHECKS), model)
    if not kept or kept.get("runtime_version") != runtime_version:
        return None
    flags = [kept.get(name) for name in ("system_in_middle", "tool_call")]
    checked_at = kept.get("checked_at")
    if not all(isinstance(flag, bool) for flag in flags) or not isinstance(checked_at, str):
        return None
    return ModelChecks(runtime_version, bool(flags[0]), bool(flags[1]), checked_at)


def check_model(home: Home, base_url: str, *, runtime_version: str | None, model: str) -> ModelChecks:
    """Asks the model and remembers what came. Raises FetchError when the server gave no answer at all."""
    deadline = monotonic() + CHECK_TIMEOUT_S
    checks = ModelChecks(
        runtime_version=runtime_version,
        system_in_middle=_is_message(_ask(base_url, _system_in_middle(model), deadline=deadline)),
        tool_call=_is_tool_call(_ask(base_url, _wants_tool_call(model), deadline=deadline)),
        checked_at=write_moment(now()),
    )
    kept = {name: value for name, value in home.read_json(CHECKS).items() if name != model}
    recent = dict(list(kept.items())[-MAX_KEPT + 1 :])
    home.keep_json(CHECKS, recent | {model: checks.document()})
    return checks


def _ask(base_url: str, request: Mapping[str, object], *, deadline: float) -> Response:
    return fetch(f"{base_url}/v1/messages", deadline=deadline, body=json.dumps(request).encode(), headers=HEADERS)


def _system_in_middle(model: str) -> dict[str, object]:
    roles = (("user", "Hello."), ("assistant", "Hello."), ("system", "Answer briefly."), ("user", "Say ready."))
    messages = [{"role": role, "content": text} for role, text in roles]
    return {"model": model, "max_tokens": 8, "messages": messages}


def _wants_tool_call(model: str) -> dict[str, object]:
    messages = [{"role": "user", "content": "Call the tool `report` with the word ready."}]
    choice = {"type": "any"}
    return {"model": model, "max_tokens": 1024, "messages": messages, "tools": [TOOL], "tool_choice": choice}


def _content(answer: Response) -> list[Mapping[str, object]] | None:
    """None for anything but a message."""
    try:
        document = answer.json() if answer.status == 200 else None
    except FetchError:
        return None
    content = document.get("content") if isinstance(document, dict) and document.get("type") == "message" else None
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else None


def _is_message(answer: Response) -> bool:
    return _content(answer) is not None


def _is_tool_call(answer: Response) -> bool:
    return any(
        block.get("type") == "tool_use" and block.get("name") == TOOL["name"] and isinstance(block.get("input"), dict)
        for block in _content(answer) or ()
    )
