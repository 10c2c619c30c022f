"""`.ci/bench fit [--rows FILE] [--models FILE] [--json] [--write-docs]`: how far off the fit estimate is.

Rows that the constants were fitted on are told twice: as fitted, and predicted with constants that were found without
their machine. Rows of another file had no part in the fit and are predicted as the product would.
"""

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

from routing.engine.fit.case import FitMachine, FitModel
from routing.engine.fit.catalogue import Catalogue, catalogue_text, read_model
from routing.engine.fit.chips import find_chip
from routing.engine.fit.constants import DECODE_SPREAD, MEMORY_SPREAD, OLLAMA_DECODE_SPREAD, PREFILL_SPREAD
from routing.engine.fit.memory import GpuLimit
from routing.engine.fit.table import Question, list_fit
from routing.engine.reading.shapes import ObjectReader, Problems
from tests.bench.fit.bases import ratios_by_basis
from tests.bench.fit.rows import DATA, HELD_OUT, LONG_PROMPTS, MODELS, Row, all_rows, read_measured, read_models
from tests.bench.fit.rules import all_layers_memory, list_decode_rules
from tests.bench.fit.validate import Outcome, leave_out, machine_of, outcomes_of, source_of

DOCS = Path(__file__).resolve().parents[3] / "docs" / "fit.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
LONG = "After long prompts"
KINDS = ("decode", "prefill", "memory")
LONG_TOKENS = 30_000


def main(arguments: list[str]) -> int:
    asked = _parse(arguments)
    models = read_models(asked.models)
    fitted = all_rows(models)
    known = {(row.row_id, row.source, row.model_key, row.quantization) for row in fitted}
    if asked.rows is None:
        unseen = leave_out(fitted, machine_of)
        sections = [*_own_sections(fitted, unseen), *_unseen_sections(models)]
    else:
        rows = _read(asked.rows, models)
        _tell_unknown(rows)
        unseen = _predict_unseen(rows, fitted, known)
        sections = [(f"Rows of {asked.rows.name}", unseen)]
    if asked.json:
        print(json.dumps(_document(unseen)))
        return 0
    text = "\n".join(_lines(sections, unseen, rows=fitted if asked.rows is None else None))
    print(text)
    if asked.write_docs:
        _write_docs(text)
    return 0


def _read(path: Path, models: dict[str, FitModel]) -> list[Row]:
    try:
        return read_measured(path, models)
    except (OSError, ValueError, csv.Error) as error:
        raise SystemExit(f".ci/bench fit: {error}") from error


def _tell_unknown(rows: Sequence[Row]) -> None:
    """On the error output, so that --json stays JSON: what no prediction was made for."""
    for what, count in (
        ("an unknown chip", sum(row.chip is None for row in rows)),
        ("a model that --models does not hold", sum(row.model is None for row in rows)),
        ("an unknown quantization", sum(row.form is None for row in rows)),
    ):
        if count:
            print(f"{count} of {len(rows)} rows have {what}", file=sys.stderr)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=".ci/bench fit", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, metavar="FILE", help="rows in the format of measured_speeds.csv")
    parser.add_argument("--models", type=Path, default=MODELS, metavar="FILE", help="shapes of the models in the rows")
    parser.add_argument("--json", action="store_true", help="median, p90 and count of each kind, as JSON")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/fit.md")
    return parser.parse_args(arguments)


def _predict_unseen(rows: Sequence[Row], fitted: Sequence[Row], known: set[tuple[str, str, str, str]]) -> list[Outcome]:
    """As the product would; a row that the fit has seen is predicted without its machine."""
    seen = [row for row in rows if (row.row_id, row.source, row.model_key, row.quantization) in known]
    found = outcomes_of(row for row in rows if row not in seen)
    if seen:
        keys = {(row.row_id, row.quantization) for row in seen}
        without = leave_out(fitted, machine_of)
        found += [one for one in without if (one.row.row_id, one.row.quantization) in keys]
    return found


def _own_sections(fitted: Sequence[Row], unseen: list[Outcome]) -> list[tuple[str, list[Outcome]]]:
    return [
        ("Fitted", outcomes_of(fitted)),
        ("Without their machine", unseen),
        ("Without their source", leave_out(fitted, source_of)),
    ]


def _unseen_sections(models: dict[str, FitModel]) -> list[tuple[str, list[Outcome]]]:
    long_prompts = [one for one in outcomes_of(read_measured(LONG_PROMPTS, models)) if one.what == "decode"]
    return [("Held out", outcomes_of(read_measured(HELD_OUT, models))), (LONG, long_prompts)]


def _document(outcomes: list[Outcome]) -> dict[str, object]:
    document: dict[str, object] = {}
    for kind in KINDS:
        figures = _figures([one for one in outcomes if one.what == kind])
        document[kind] = {key: figures[key] for key in ("median", "p90", "n")}
    return document


def _figures(outcomes: list[Outcome]) -> dict[str, object]:
    """Errors as shares; null without a row."""
    errors = sorted(one.error for one in outcomes)
    return {
        "median": round(median(errors), 4) if errors else None,
        "p90": round(_quantile(errors, 0.9), 4) if errors else None,
        "within_25_percent": round(sum(error <= 0.25 for error in errors) / len(errors), 3) if errors else None,
        "in_range": round(sum(map(_is_in_range, outcomes)) / len(outcomes), 3) if outcomes else None,
        "n": len(errors),
    }


def _is_in_range(outcome: Outcome) -> bool:
    """Whether the range that the product states would have held."""
    spread = MEMORY_SPREAD if outcome.what == "memory" else PREFILL_SPREAD["formula"]
    if outcome.what == "decode":
        is_ollama = outcome.row.load is not None and outcome.row.load.is_ollama
        spread = OLLAMA_DECODE_SPREAD if is_ollama else DECODE_SPREAD["formula"]
    return spread.low <= outcome.ratio <= spread.high


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _lines(
    sections: Sequence[tuple[str, list[Outcome]]], unseen: list[Outcome], *, rows: Sequence[Row] | None
) -> Iterator[str]:
    yield "| rows | figure | n | median | p90 | within 25 % | in the stated range |"
    yield "|---|---|---|---|---|---|---|"
    for title, outcomes in sections:
        for kind in KINDS:
            found = [one for one in outcomes if one.what == kind]
            if found or title != LONG:
                yield _line(title, kind, found)
    decode = [one for one in unseen if one.what == "decode"]
    yield from _group_lines("predicted without the row's machine", decode)
    for title, outcomes in sections:
        if title == "Held out":
            yield from _group_lines("held out", [one for one in outcomes if one.what == "decode"])
    yield from ("", "The rules of other tools on the same rows:", "")
    yield "| rule | n | median | p90 | within 25 % |"
    yield "|---|---|---|---|---|"
    yield _short("ours", decode)
    for name, rule in list_decode_rules().items():
        yield _short(name, list(_with_rule(decode, rule)))
    memory = [one for one in unseen if one.what == "memory"]
    yield _short("memory: ours", memory)
    yield _short("memory: all layers full", list(_with_rule(memory, all_layers_memory)))
    if rows is not None:
        yield from _basis_lines(rows)
        yield from _speed_lines()


def _group_lines(which: str, decode: Sequence[Outcome]) -> Iterator[str]:
    yield from ("", f"Decode by group, {which}:", "")
    yield "| group | | n | median | p90 | within 25 % | in the stated range |"
    yield "|---|---|---|---|---|---|---|"
    for title, key in _groupings():
        for name in sorted({key(one.row) for one in decode}):
            yield _line(title, name, [one for one in decode if key(one.row) == name])


def _groupings() -> list[tuple[str, Callable[[Row], str]]]:
    return [
        ("kind", lambda row: row.model_class),
        ("runtime", lambda row: row.runtime),
        ("generation", lambda row: f"M{row.chip.generation}" if row.chip else "unknown"),
        ("context", lambda row: "30K and more" if row.depth_tokens >= LONG_TOKENS else "less than 30K"),
    ]


def _line(title: str, name: str, outcomes: list[Outcome]) -> str:
    figures = _figures(outcomes)
    shown = (_percent(figures[key]) for key in ("median", "p90", "within_25_percent", "in_range"))
    return f"| {title} | {name} | {figures['n']} | {' | '.join(shown)} |"


def _short(title: str, outcomes: list[Outcome]) -> str:
    figures = _figures(outcomes)
    shown = (_percent(figures[key]) for key in ("median", "p90", "within_25_percent"))
    return f"| {title} | {figures['n']} | {' | '.join(shown)} |"


def _percent(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else "-"


def _with_rule(outcomes: Iterable[Outcome], rule: Callable[[Row], float | None]) -> Iterator[Outcome]:
    for one in outcomes:
        predicted = rule(one.row)
        if predicted:
            yield Outcome(one.row, one.what, one.measured, predicted)


def _basis_lines(rows: Sequence[Row]) -> Iterator[str]:
    yield from ("", "Measured over predicted, each row from the other rows of its machine:", "")
    yield "| basis | n | p5 | median | p95 |"
    yield "|---|---|---|---|---|"
    for name, ratios in ratios_by_basis(rows).items():
        ordered = sorted(ratios)
        shown = (f"{_quantile(ordered, share):.2f}" for share in (0.05, 0.5, 0.95))
        yield f"| {name} | {len(ordered)} | {' | '.join(shown)} |"


def _speed_lines() -> Iterator[str]:
    """CPU time of this process: other work on the computer does not count."""
    document = json.loads((DATA.parent / "models.json").read_text(encoding="utf-8"))
    read = [read_model(ObjectReader(row, path="", problems=Problems())) for row in document["models"]]
    catalogue = Catalogue(catalogue_text(read))
    machine = FitMachine(find_chip("M4 Pro", gpu_cores=20), GpuLimit(48 * 2**30, "default"), 64 * 2**30)
    times = []
    for _ in range(10):
        start = time.process_time()
        table = list_fit(machine, catalogue, Question(context_tokens=32_768))
        times.append(time.process_time() - start)
    each = 1e6 * min(times) / len(table)
    yield from (
        "",
        f"One row of a table, with its largest context: {each:.0f} µs; 210 rows: {each * 210 / 1000:.1f} ms.",
    )


def _write_docs(text: str) -> None:
    document = DOCS.read_text(encoding="utf-8")
    head, _begin, rest = document.partition(BEGIN)
    _old, _end, tail = rest.partition(END)
    DOCS.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
