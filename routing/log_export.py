"""The decision log as a table for other programs: what the person may see, with the filters of the page."""

import csv
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from portal.accounts.models import User
from routing.log_filter import LogFilter
from routing.models import Decision, Receipt

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
    for row in _rows(user, wanted).iterator(chunk_size=_CHUNK):
        yield writer.writerow([_harmless(value) for value in _values(row)])


def _rows(user: User, wanted: LogFilter) -> QuerySet[Any, Any]:
    """Not as objects: those of a row, its Mac, its people and its receipts cost three times as much."""
    receipts = Receipt.objects.filter(decision=OuterRef("pk"))
    rows = Decision.objects.visible_to(user).matching(wanted)
    told = rows.annotate(is_launched=Exists(receipts), differs=Exists(receipts.filter(is_mismatch=True)))
    return told.values_list(
        "id", "at", "backend", "task", "remotes", "classification", "effect", "answer", "machine__name",
        "machine__owner__name", "asked_by__name", "decided_by", "revision", "is_launched", "differs", named=True,
    )[:ROWS]  # fmt: skip


def _values(row: Any) -> tuple[str, ...]:
    model = row.answer.get("model") or {}
    return (
        str(row.id),
        row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        row.backend,
        row.task,
        row.remotes.replace("\n", " "),
        row.classification,
        row.effect,
        " ".join(row.answer["privacy"]["rules"]),
        str(model.get("name") or ""),
        row.machine__name or "",
        (row.asked_by__name if row.machine__name is None else row.machine__owner__name) or "",
        row.decided_by,
        str(row.revision),
        _launched(row),
    )


def _launched(row: Any) -> str:
    if row.differs:
        return "differs"
    return "same" if row.is_launched else "no_receipt"


def _harmless(value: str) -> str:
    """A spreadsheet would run what begins like a formula, and names come from other people's machines."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
