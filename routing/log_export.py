"""The decision log as a table for other programs: what the person may see, with the filters of the page."""

import csv
from collections.abc import Iterator
from datetime import UTC

from portal.accounts.models import User
from routing.log_filter import LogFilter
from routing.models import Decision
from routing.queries import list_decisions

# The newest of them; who needs more narrows the days, or asks the API.
ROWS = 10_000
_CHUNK = 500
COLUMNS = (
    "id", "at", "answer", "task", "remotes", "class", "effect", "rules", "model", "machine", "owner", "decided_by",
    "revision", "launched",
)  # fmt: skip


class _Line:
    """csv writes into it; the line is handed on at once."""

    def write(self, line: str) -> str:
        return line


def export_lines(user: User, wanted: LogFilter) -> Iterator[str]:
    """Lines of CSV, the first with the names of the columns. Reads as it is sent, some hundred rows at a time."""
    writer = csv.writer(_Line())
    # Spreadsheets take a file without this mark for something older than Unicode.
    yield "\ufeff" + writer.writerow(COLUMNS)
    rows = list_decisions(user).matching(wanted).defer("request")[:ROWS]
    for decision in rows.iterator(chunk_size=_CHUNK):
        yield writer.writerow([_harmless(value) for value in _values(decision)])


def _values(one: Decision) -> tuple[str, ...]:
    model = one.answer.get("model") or {}
    owner = one.machine.owner if one.machine else one.asked_by
    return (
        str(one.id),
        one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        one.backend,
        one.task,
        " ".join(one.remote_list),
        one.classification,
        one.effect,
        " ".join(one.answer["privacy"]["rules"]),
        str(model.get("name") or ""),
        one.machine.name if one.machine else "",
        owner.name if owner else "",
        one.decided_by,
        str(one.revision),
        _launched(one),
    )


def _launched(one: Decision) -> str:
    if one.has_mismatch:
        return "differs"
    return "same" if one.receipts.all() else "no_receipt"


def _harmless(value: str) -> str:
    """A spreadsheet would run what begins like a formula, and names come from other people's machines."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
