"""What `kirikae run` does: decides, checks that the launch will hold, notes a receipt and becomes the client."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Mapping

from kirikae.client_arguments import added_folders, client_mode, client_name
from kirikae.collect.facts_reader import FactsReader
from kirikae.collect.runtime_facts import mapping_of
from kirikae.collect.runtimes import is_loopback
from kirikae.deciding import Decision, Question, decide_here
from kirikae.engine.wire import encode, request_document
from kirikae.errors import PreflightError, RefusedError
from kirikae.home import Home
from kirikae.launching import base_url_of, check_launch, prepare_launch
from kirikae.moments import now, write_moment
from kirikae.receipts import write_receipt
from kirikae.signals import working_directory
from kirikae.telling import tell_answer


def run(arguments: argparse.Namespace, home: Home, reader: FactsReader) -> int:
    program, *rest = arguments.command
    client = client_name(program)
    folders = [working_directory(), *added_folders(client, rest)]
    question = Question(arguments.task, folders, client, client_mode(client, rest))
    decision = decide_here(home, question, reader)
    if arguments.why:
        print(tell_answer(decision.document, has_reasons=True), file=sys.stderr)
    if arguments.dry_run:
        print(encode(decision.document).decode())
        return RefusedError.exit_code if decision.document["backend"] == "none" else 0
    return _launch(home, decision, command=arguments.command)


def _launch(home: Home, decision: Decision, *, command: list[str]) -> int:
    """Does not return when the client starts. Raises RefusedError and PreflightError."""
    document = decision.document
    client = client_name(command[0])
    if document["backend"] == "none":
        _note(home, decision, kind="blocked", client=client)
        text = mapping_of(document, "refusal").get("text")
        raise RefusedError("run.refused", text=text, task=decision.request.task)
    try:
        check_launch(document, client=client, arguments=command[1:])
    except PreflightError as error:
        _note(home, decision, kind="blocked", client=client, failure=error)
        raise
    program = shutil.which(command[0])
    if program is None:
        raise PreflightError("run.client_missing", client=command[0])
    launch = prepare_launch(document, home, command=command)
    _note(home, decision, kind="start", client=client)
    # Nothing of ours may be lost in a buffer that the client's process image replaces.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(program, launch.argv, dict(launch.environment))  # noqa: S606 - the point of the wrapper


def _note(home: Home, decision: Decision, *, kind: str, client: str, failure: PreflightError | None = None) -> None:
    """Written before the launch, because there is no "after" for a process that becomes another."""
    document = decision.document
    refused = [failure.data["argument"]] if failure and failure.code == "run.argument_refused" else []
    receipt = {
        "decision": {
            "id": document["id"],
            "request": request_document(decision.request),
            "answer": document,
            "facts_digest": f"sha256:{hashlib.sha256(encode(decision.facts)).hexdigest()}",
            "policy_epoch": decision.policy_epoch,
        },
        "kind": kind,
        "at": write_moment(now()),
        "launched": {
            "client": client,
            "version": None,
            "backend": document["backend"],
            "model": mapping_of(document, "model").get("name"),
            "base_url_class": _base_url_class(document),
            "profile": mapping_of(document, "launch").get("profile"),
            "args_refused": refused,
        },
        "exit": None,
        "preflight": [{"check": "launch", "ok": failure is None, "code": failure.code if failure else None}],
        "guard": "advisory",
    }
    write_receipt(home, receipt, name=f"{document['id']}-{kind}")


def _base_url_class(document: Mapping[str, object]) -> str | None:
    base_url = base_url_of(document)
    if base_url:
        return "loopback" if is_loopback(base_url) else "other"
    return "anthropic" if document["backend"] == "cloud" else None
