"""What `kirikae run` does: decides, checks that the launch will hold, runs the client and notes receipts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kirikae.answering.deciding import Decision, Question, decide_here, judge_here
from kirikae.answering.telling import tell_answer, tell_policy
from kirikae.arguments import Arguments
from kirikae.clients.arguments import added_folders, client_kind, client_mode, client_name, named_files
from kirikae.clients.claude_settings import list_left_aside
from kirikae.clients.kinds import OWN_PROGRAM, ClientKind
from kirikae.clients.programs import find_program
from kirikae.clients.version import FIRST_PROVEN, find_version, is_too_old
from kirikae.collect.facts_reader import FactsReader
from kirikae.collect.runtime_facts import base_url_of, entries_of, mapping_of
from kirikae.engine.wire import encode
from kirikae.errors import PreflightError, RefusedError
from kirikae.guarding.protected_folders import remember_folder
from kirikae.guarding.session_floor import config_folder, read_floor, tighten_floor
from kirikae.home import Home
from kirikae.launching.becoming import become_client
from kirikae.launching.instructions import tell_instructions
from kirikae.launching.preflight import Preflight, check_model_once, check_runtime, tell_on_stderr
from kirikae.launching.preparing import check_launch, is_hardened, prepare_launch
from kirikae.receipts.launches import LaunchReceipts
from kirikae.signals.projects import home_relative, working_directory
from kirikae.texts import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kirikae.confining.means import Reach

# A machine under load answers late; before it refuses, a launch can wait where a question cannot.
PATIENCE_S = 2.0


def run(arguments: Arguments, home: Home, reader: FactsReader) -> int:
    program, *rest = arguments.command
    client = client_name(program)
    folders = [working_directory(), *added_folders(rest)]
    floor = read_floor(home, config_folder(os.environ)) if client == "claude" else None
    question = Question(arguments.task, folders, client, client_mode(client, rest), session_floor=floor)
    question = _with_protected_files(home, question, named_files(rest, folders[0]))
    decision = decide_here(home, question, reader)
    if not arguments.dry_run and _came_too_late(decision):
        decision = decide_here(home, question, FactsReader(home, patience_s=PATIENCE_S))
    if arguments.task is None:
        tell_on_stderr(say("run.task_assumed", task=decision.request.task))
    if mapping_of(decision.document, "policy").get("state") != "fresh":
        tell_on_stderr(f"kirikae: {tell_policy(decision.document)}")
    for code, data in decision.notes:
        tell_on_stderr(f"kirikae: {say(code, **data)}")
    if arguments.why:
        tell_on_stderr(tell_answer(decision.document, has_reasons=True))
    if arguments.dry_run:
        print(encode(decision.document).decode())
        return RefusedError.exit_code if decision.document["backend"] == "none" else 0
    return _launch(home, decision, command=arguments.command, allowed=arguments.allow)


def _with_protected_files(home: Home, question: Question, files: Sequence[Path]) -> Question:
    """Files that the command names count where a rule protects them; a settings file in the home folder does not."""
    wider = question._replace(folders=[*question.folders, *files])
    return wider if files and _has_rules(judge_here(home, wider)) else question


def _has_rules(decision: Decision) -> bool:
    return bool(mapping_of(decision.document, "privacy").get("rules"))


def _came_too_late(decision: Decision) -> bool:
    """Refused, and a runtime had not answered within the moment that a question waits."""
    runtimes = entries_of(decision.facts.get("report"), "runtimes")
    return decision.document["backend"] == "none" and any(one.get("reason") == "timeout" for one in runtimes)


def _launch(home: Home, decision: Decision, *, command: Sequence[str], allowed: str | None) -> int:
    """The client's exit code. Raises RefusedError and PreflightError when nothing was launched."""
    document, kind = decision.document, client_kind(command[0])
    preflight = Preflight()
    receipts = LaunchReceipts(home, decision, client_name(command[0]), preflight=preflight.notes)
    with _noting_what_blocks(receipts):
        if document["backend"] == "none":
            text = mapping_of(document, "refusal").get("text")
            raise RefusedError("run.refused", text=text, task=decision.request.task)
        check_launch(preflight, document, kind=kind, command=command, allowed=allowed)
        program = _find_program(preflight, command[0])
        receipts.version = find_version(program) if kind.name == "claude" else None
        _check_local(preflight, home, decision, kind=kind, version=receipts.version)
        reach = _find_reach(preflight, home, document, kind)
        launch = prepare_launch(document, home, kind=kind, command=command, has_rules=decision.has_rules)
        receipts.guard = launch.level
        if kind.name == "claude":
            tighten_floor(home, config_folder(launch.environment), str(mapping_of(document, "privacy").get("effect")))
    _remember(home, decision)
    _tell_launch(decision, kind)
    note = receipts.note_start()
    if reach == "none":
        return become_client(program, launch.argv, launch.environment, note=note)
    from kirikae.launching.confinement import confine  # noqa: PLC0415 - only protected work pays for it

    started = confine(program, launch.argv, reach=reach, base_url=base_url_of(document))
    return become_client(started.program, started.argv, launch.environment, note=note, server=started.server)


def _find_reach(preflight: Preflight, home: Home, document: Mapping[str, object], kind: ClientKind) -> Reach:
    """How far the client is confined; a launch that protects nothing is not."""
    if not is_hardened(document):
        return "none"
    from kirikae.launching.confinement import find_confinement  # noqa: PLC0415 - as above

    return find_confinement(preflight, home, kind, base_url=base_url_of(document))


@contextmanager
def _noting_what_blocks(receipts: LaunchReceipts) -> Iterator[None]:
    try:
        yield
    except (RefusedError, PreflightError) as error:
        if error.code == "run.argument_refused":
            receipts.refused_argument = str(error.data["argument"])
        receipts.note_blocked()
        raise


def _find_program(preflight: Preflight, name: str) -> str:
    with preflight.check("program"):
        program = find_program(name)
        if program is None:
            raise PreflightError("run.client_missing", client=name)
    return program


def _check_local(
    preflight: Preflight, home: Home, decision: Decision, *, kind: ClientKind, version: str | None
) -> None:
    document = decision.document
    if document["backend"] != "local":
        return
    with preflight.check("client_version"):
        if is_hardened(document) and is_too_old(version):
            first = ".".join(map(str, FIRST_PROVEN))
            raise PreflightError("run.client_too_old", client=kind.name, version=version, first=first)
    runtime = check_runtime(preflight, document)
    if not kind.is_launched:
        tell_instructions(kind.name, document)
        raise PreflightError("run.client_by_hand", client=kind.name)
    if kind.name == "claude":
        model = str(mapping_of(document, "model").get("name"))
        check_model_once(preflight, home, runtime, model=model, needs_tools=decision.needs_tools, tell=tell_on_stderr)


def _remember(home: Home, decision: Decision) -> None:
    """Folders of work that a rule protects; where there are several projects, each is judged for itself."""
    if not is_hardened(decision.document) or not _has_rules(decision):
        return
    projects = decision.request.projects
    others = [project.paths[-1] for project in projects[1:] if project.paths]
    # The last path of a project is that of its real folder.
    folders = [working_directory().resolve(), *(Path(path).expanduser().resolve() for path in others)]
    for folder in dict.fromkeys(folders):
        question = Question(task=None, folders=[folder], client="other", mode=None)
        if len(projects) == 1 or _has_rules(judge_here(home, question)):
            remember_folder(home, folder)


def _tell_launch(decision: Decision, kind: ClientKind) -> None:
    """Only what a developer would not expect."""
    if not is_hardened(decision.document):
        return
    if kind is OWN_PROGRAM:
        tell_on_stderr(say("run.own_program"))
    for left in list_left_aside(working_directory()) if kind.name == "claude" else ():
        tell_on_stderr(say("run.left_aside", file=home_relative(left.file), keys=", ".join(left.keys)))
