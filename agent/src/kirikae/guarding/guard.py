"""The guard of sessions that Claude Code asks before a prompt, a file tool, and at the start (`kirikae guard`).

It re-decides for what the session reads now: a changed policy, remote or folder counts from the next prompt on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kirikae.answering.deciding import Decision, Question, judge_here
from kirikae.clients.claude_settings import named_folders
from kirikae.clients.named_files import find_mentioned, find_named, find_told
from kirikae.clients.transcripts import list_folders_of_transcript
from kirikae.clients.unasked_files import list_unasked_files
from kirikae.collect.runtime_facts import mapping_of
from kirikae.digest import sha256_hex
from kirikae.engine.effects import Effect
from kirikae.engine.named_tuple import NamedTuple
from kirikae.engine.stages.loopback import is_loopback
from kirikae.engine.wire import encode, request_document
from kirikae.guarding.checkouts import find_checkouts
from kirikae.guarding.protected_folders import find_touched, list_folders, remember_folder
from kirikae.guarding.session_floor import config_folder
from kirikae.home import Home
from kirikae.receipts.launches import LaunchReceipts
from kirikae.receipts.notes import find_note
from kirikae.signals.markers import MARKER_FILE
from kirikae.signals.projects import home_relative
from kirikae.texts import say

MAX_SESSIONS = 100
SEARCHES = frozenset(["Grep", "Glob"])
# They put their arguments into a text of the repository's and read what that mentions.
COMMANDS = frozenset(["Skill", "SlashCommand", "Workflow"])
# What reads or writes the one file, or searches the one folder, that its input names.
FILE_TOOLS = frozenset([*SEARCHES, "Read", "Edit", "MultiEdit", "Write", "NotebookEdit", "NotebookRead"])
# Tools of a server that the developer has added; what one does with a folder nobody knows.
ADDED = "mcp__"


class Verdict(NamedTuple):
    """`refusal`: the sentence that stops it; None lets it pass."""

    refusal: str | None = None


def guard(home: Home, hook: Mapping[str, object]) -> Verdict:
    """Raises AgentError when nothing can be decided: the caller stops the session's step then."""
    if is_protected_session(home, os.environ):
        return Verdict()
    folder = Path(_text(hook.get("cwd")))
    if not folder.is_absolute():
        raise ValueError("no folder")
    if hook.get("hook_event_name") == "PreToolUse":
        return _guard_tool(home, hook, folder)
    return _guard_session(home, hook, folder)


def is_protected_session(home: Home, environment: Mapping[str, str]) -> bool:
    """Launched by `kirikae run` for protected work: pinned to this machine, with a config folder of ours.

    A repository's settings may set variables for its sessions and hooks; they cannot name a launch that runs.
    """
    launched = mapping_of(find_note(home, environment.get("KIRIKAE_LAUNCH", "")) or {}, "launched")
    return (
        launched.get("profile") == "hardened"
        and environment.get("KIRIKAE_BACKEND") == "local"
        and is_loopback(environment.get("ANTHROPIC_BASE_URL", ""))
        and environment.get("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST") == "1"
        and Path(environment.get("CLAUDE_CONFIG_DIR", "/")).is_relative_to(home.path / "clients")
    )


def _guard_session(home: Home, hook: Mapping[str, object], folder: Path) -> Verdict:
    decision = _judge(home, [folder])
    is_blocked = _is_restricted(decision)
    if is_blocked and _rules(decision):
        remember_folder(home, folder.resolve())
    _note_change(home, hook, decision, folder=folder, is_blocked=is_blocked)
    if is_blocked:
        return Verdict(say("guard.session", rules=_told_rules(decision)))
    origin = _protected_origin(home, hook, folder.resolve())
    if origin is not None:
        return Verdict(say("guard.transcript", folder=home_relative(origin)))
    # The client reads what a prompt mentions without asking for a tool.
    prompt = str(hook.get("prompt") or "")
    mentioned = find_told(prompt, folder) if prompt.lstrip().startswith("/") else find_mentioned(prompt, folder)
    targets = dict.fromkeys(file.resolve() for file in mentioned)
    verdicts = (_guard_file(home, target, folder.resolve(), is_search=False) for target in targets)
    stopped = next((verdict for verdict in verdicts if verdict.refusal), None)
    around = dict.fromkeys((folder, *folder.parents, folder.resolve(), *folder.resolve().parents))
    unasked = list_unasked_files(around, config_folder(os.environ))
    return stopped or _guard_unasked(home, unasked, folder.resolve())


def _protected_origin(home: Home, hook: Mapping[str, object], judged: Path) -> Path | None:
    """A conversation can be taken up from another folder; it carries what was read in the one where it began."""
    folders = (folder.resolve() for folder in list_folders_of_transcript(Path(str(hook.get("transcript_path") or "/"))))
    return next((folder for folder in folders if _guard_file(home, folder, judged, is_search=False).refusal), None)


def _guard_unasked(home: Home, files: Sequence[Path], judged: Path) -> Verdict:
    """Of files in one folder the first speaks for all."""
    by_folder = {_nearest_folder(file): file for file in reversed(files)}
    leading = (file for file in by_folder.values() if _guard_file(home, file, judged, is_search=False).refusal)
    found = next(leading, None)
    return Verdict() if found is None else Verdict(say("guard.leads", file=home_relative(found)))


def _guard_tool(home: Home, hook: Mapping[str, object], folder: Path) -> Verdict:
    tool = str(hook.get("tool_name"))
    targets = _targets(tool, mapping_of(hook, "tool_input"), folder)
    # A command may have changed the folder since the prompt was judged in another one.
    judged = _judged_folder(home, hook)
    is_search = tool in SEARCHES or tool.startswith(ADDED)
    verdicts = (_guard_file(home, target, judged, is_search=is_search) for target in targets)
    stopped = next((verdict for verdict in verdicts if verdict.refusal), None)
    if stopped is None and is_search:
        # A search reads the checkouts inside along, whether anybody has met them or not.
        inside = (checkout for target in targets for checkout in find_checkouts(target))
        verdicts = (_guard_file(home, checkout.resolve(), None, is_search=False) for checkout in inside)
        stopped = next((verdict for verdict in verdicts if verdict.refusal), None)
    if stopped or is_search or judged is None:
        return stopped or Verdict()
    # With a file the client reads the instructions that lie on the way to it.
    ways = dict.fromkeys(folder for target in targets for folder in _between(target, judged))
    return _guard_unasked(home, list_unasked_files(ways), judged)


def _guard_file(home: Home, target: Path, judged: Path | None, *, is_search: bool) -> Verdict:
    if find_touched([home.path.resolve()], target, is_search=False):
        return Verdict(say("guard.own_state"))
    if find_touched(list_folders(home), target, is_search=is_search):
        return Verdict(say("guard.folder"))
    if judged is not None and _was_judged(target, judged):
        return Verdict()
    decision = _judge(home, [_nearest_folder(target)])
    return Verdict(say("guard.folder") if _is_restricted(decision) and _rules(decision) else None)


def _was_judged(target: Path, folder: Path) -> bool:
    """With the prompt: what lies in the folder judged then, and in no checkout or marked folder inside it."""
    if not target.is_relative_to(folder):
        return False
    between = _between(target, folder)
    return not any(os.path.lexists(parent / name) for parent in between for name in (".git", MARKER_FILE))


def _between(target: Path, folder: Path) -> list[Path]:
    """The target and its parents below the folder."""
    return [one for one in (target, *target.parents) if one != folder and one.is_relative_to(folder)]


def _targets(tool: str, given: Mapping[str, object], folder: Path) -> list[Path]:
    """What the tool reads, as the client takes the name: `..` behind a link leads to two places, so both are told."""
    if tool in COMMANDS:
        told = " ".join(value for value in given.values() if isinstance(value, str))
        return list(dict.fromkeys(path.resolve() for path in find_told(told, folder)))
    if tool not in FILE_TOOLS:
        return list(dict.fromkeys(path.resolve() for path in _named_anywhere(given, folder)))
    named = given.get("file_path") or given.get("notebook_path") or given.get("path") or ""
    starts = named_folders(_text(named), folder)
    if tool == "Glob":
        part = _fixed_part(_text(given.get("pattern") or ""))
        starts = [path for start in starts for path in named_folders(part, start)]
    return list(dict.fromkeys(path.resolve() for path in starts))


def _named_anywhere(given: object, folder: Path) -> Iterator[Path]:
    """Files that are there, under whatever key: `filePath`, `local_path`, `files`, `uri`."""
    if isinstance(given, str):
        yield from find_named(given.removeprefix("file://"), folder)
    elif isinstance(given, (list, Mapping)):
        for one in given.values() if isinstance(given, Mapping) else given:
            yield from _named_anywhere(one, folder)


def _text(value: object) -> str:
    """Raises TypeError: an event of another form is not one that can be answered."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _fixed_part(pattern: str) -> str:
    """Of a glob that leads elsewhere, the part before its first wildcard."""
    parts = Path(pattern).parts
    wild = next((place for place, part in enumerate(parts) if any(one in part for one in "*?[{")), len(parts))
    leads_elsewhere = ".." in parts or pattern.startswith(("/", "~"))
    return str(Path(*parts[:wild])) if leads_elsewhere else ""


def _nearest_folder(target: Path) -> Path:
    return next(parent for parent in (target, *target.parents) if parent.is_dir())


def _judge(home: Home, folders: Sequence[Path]) -> Decision:
    return judge_here(home, Question(task=None, folders=folders, client="claude", mode=None))


def _is_restricted(decision: Decision) -> bool:
    return mapping_of(decision.document, "privacy").get("effect") != Effect.CLOUD_OK


def _rules(decision: Decision) -> list[str]:
    found = mapping_of(decision.document, "privacy").get("rules")
    return [str(rule) for rule in found] if isinstance(found, list) else []


def _told_rules(decision: Decision) -> str:
    return ", ".join(_rules(decision)) or say("guard.no_rule")


def _state_file(hook: Mapping[str, object]) -> str:
    session = sha256_hex(str(hook.get("session_id")).encode("utf-8", "surrogateescape"))[:24]
    return f"guard/{session}.json"


def _judged_folder(home: Home, hook: Mapping[str, object]) -> Path | None:
    """Where this session's last prompt was judged; None when none was."""
    known = home.read_json(_state_file(hook))
    folder = known.get("folder")
    return Path(folder) if isinstance(folder, str) and known.get("blocked") is False else None


def _note_change(home: Home, hook: Mapping[str, object], decision: Decision, *, folder: Path, is_blocked: bool) -> None:
    """A receipt when the session is new, or when its policy, its projects or the verdict are others than before."""
    projects = sha256_hex(encode(request_document(decision.request)))
    state = {
        "revision": mapping_of(decision.document, "policy").get("revision"),
        "projects": projects,
        "blocked": is_blocked,
        "folder": str(folder.resolve()),
    }
    name = _state_file(hook)
    if home.read_json(name) == state:
        return
    receipts = LaunchReceipts(home, decision, "claude", guard="guarded")
    if is_blocked:
        receipts.note_blocked()
    elif "KIRIKAE_BACKEND" not in os.environ:
        receipts.note_direct()
    home.write_json(name, state)
    for file in sorted((home.path / "guard").glob("*.json"), key=lambda one: one.stat().st_mtime)[:-MAX_SESSIONS]:
        file.unlink(missing_ok=True)
