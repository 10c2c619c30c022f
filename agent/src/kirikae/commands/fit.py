"""`kirikae fit`: which models this machine can run, from the policy bundle's catalogue and the runs measured here."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kirikae.answering.deciding import machine_facts_from
from kirikae.arguments import Arguments
from kirikae.collect.facts_reader import FactsReader
from kirikae.engine.facts import MachineFacts
from kirikae.engine.fit.candidate import learn_from
from kirikae.engine.fit.case import FitMachine, Range, machine_of
from kirikae.engine.fit.catalogue import catalogue_of
from kirikae.engine.fit.estimate import Verdict
from kirikae.engine.fit.table import FitRow, Question, list_fit, row_document
from kirikae.home import Home
from kirikae.policy.bundle_store import load_bundle
from kirikae.table import format_table
from kirikae.texts import say

GB = 10**9
# The columns of memory, context, tokens per second and seconds.
NUMBERS = (2, 4, 5, 6)


def execute(arguments: Arguments, home: Home) -> int:
    bundle = load_bundle(home).bundle
    catalogue = catalogue_of(bundle.catalogue_text)
    reader = FactsReader(home)
    facts, _benchmarks = machine_facts_from(home, reader.get_report(), machine=None)
    machine = machine_of(facts.hardware, facts.state)
    question = Question(context_tokens=arguments.context, parallel=arguments.parallel_agents)
    installed = [model for runtime in facts.runtimes for model in runtime.models]
    learned = learn_from(facts.benchmarks, machine, catalogue, installed=installed)
    rows = list_fit(machine, catalogue, question, learned=learned, facts=facts, rules=bundle.policy.models)
    shown = [row for row in rows if arguments.all or row.estimate.verdict is not Verdict.TOO_LARGE]
    if arguments.json:
        print(json.dumps({"results": [row_document(row) for row in shown]}, ensure_ascii=False))
        return 0
    print(_describe_machine(machine, facts, question))
    print(_table(shown) if shown else say("fit.none"))
    return 0


def _describe_machine(machine: FitMachine, facts: MachineFacts, question: Question) -> str:
    chip = f"{machine.chip.name} ({machine.chip.gpu_cores} GPU)" if machine.chip else say("fit.unknown_chip")
    limit, source = say("unknown"), facts.hardware.platform
    if machine.limit is not None:
        limit, source = _gigabytes(machine.limit.limit_bytes), say(f"fit.source.{machine.limit.source}")
    return say("fit.machine", chip=chip, limit=limit, source=source, tokens=f"{question.context_tokens:,}")


def _table(rows: Sequence[FitRow]) -> str:
    return format_table([say("fit.head").split("\t"), *(_cells(row) for row in rows)], right=NUMBERS)


def _cells(row: FitRow) -> list[str]:
    found = row.estimate
    return [
        ("* " if row.is_installed else "  ") + row.name,
        row.quantization,
        _gigabytes(found.memory.total_bytes) if found.memory else "-",
        say(f"fit.verdict.{_verdict(row)}"),
        "-" if row.most_context_tokens is None else f"{row.most_context_tokens:,}",
        _range(found.decode_tokens_per_s),
        _range(found.first_token_s, " s"),
        say(f"fit.basis.{found.basis}") if found.decode_tokens_per_s else "-",
        say(f"fit.tier.{row.model.tier}") if row.model else "-",
    ]


def _verdict(row: FitRow) -> str:
    if row.forbidden_by is not None:
        return "forbidden"
    return "too_long" if "context_over_model" in row.estimate.notes else str(row.estimate.verdict)


def _range(found: Range | None, unit: str = "") -> str:
    return "-" if found is None else f"{found[0]:g}-{found[1]:g}{unit}"


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / GB:.1f} GB"
