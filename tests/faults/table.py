"""The table of docs/reliability.md, made of the `fault` markers of these tests and of what the last run measured.

`.ci/faults` runs the tests and writes it; a test of the house compares it with the markers.
"""

import ast
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path("docs/reliability.md")
BEGIN, END = "<!-- faults: written by .ci/faults -->\n", "<!-- end of faults -->\n"
MEASUREMENTS = "FAULTS_MEASUREMENTS"


@dataclass(frozen=True, order=True)
class Row:
    number: int
    fault: str
    expected: str
    test: str


def note_measurement(number: int, figure: str) -> None:
    """Into the file that the environment names; nowhere without it."""
    if path := os.environ.get(MEASUREMENTS):
        with Path(path).open("a") as file:
            file.write(json.dumps([number, figure]) + "\n")


def read_rows(folder: Path = Path("tests/faults")) -> list[Row]:
    rows = [row for path in sorted(folder.glob("test_*.py")) for row in _rows_of(path)]
    return sorted(rows)


def _rows_of(path: Path) -> list[Row]:
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return [
        Row(*arguments, test=f"{path.name}::{function.name}")
        for function in functions
        for arguments in map(_arguments_of, function.decorator_list)
        if arguments
    ]


def _arguments_of(decorator: ast.expr) -> tuple[int, str, str] | None:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault":
        number, fault, expected = (ast.literal_eval(argument) for argument in decorator.args)
        return number, fault, expected
    return None


def write_table(rows: list[Row], measurements: dict[int, str]) -> str:
    lines = ["| # | fault | what happens | measured | test |", "|---|---|---|---|---|"]
    for row in rows:
        told = measurements.get(row.number, "")
        lines.append(f"| {row.number} | {row.fault} | {row.expected} | {told} | `{row.test}` |")
    return "\n".join(lines) + "\n"


def read_measurements(text: str) -> dict[int, str]:
    """Those that stand in the table."""
    cells = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    return {int(cell[0].removeprefix("| ")): cell[3] for cell in cells}


def table_in(document: str) -> str:
    return document.partition(BEGIN)[2].partition(END)[0]


def main(measurements_file: str) -> None:
    document = DOCUMENT.read_text()
    found = read_measurements(table_in(document))
    fresh: dict[int, list[str]] = {}
    for line in Path(measurements_file).read_text().splitlines():
        number, figure = json.loads(line)
        fresh.setdefault(number, []).append(figure)
    found |= {number: "; ".join(figures) for number, figures in fresh.items()}
    table = write_table(read_rows(), found)
    before, _begin, rest = document.partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table + END + rest.partition(END)[2])


if __name__ == "__main__":
    main(sys.argv[1])
