"""What people look for in the decision log, and where a page of it begins. Reading the log itself: `queries`."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class LogFilter:
    """Empty and None mean "any". Days are whole ones, both ends included, in the reader's time zone.

    `since` is part of the time that is asked for, `until` is not.
    """

    backend: str = ""
    task: str = ""
    machine: str = ""
    remote: str = ""
    first_day: date | None = None
    last_day: date | None = None
    rule: str = ""
    classification: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Cursor:
    """The place of one decision in the order of the log: pages start beside it, however long the log is."""

    at: datetime
    id: uuid.UUID

    def __str__(self) -> str:
        return f"{self.at:%Y%m%dT%H%M%S.%fZ}_{self.id}"

    @classmethod
    def find(cls, text: str) -> "Cursor | None":
        """None for a text that is no cursor: the log then starts at its newest."""
        moment, _mark, decision = text.partition("_")
        try:
            return cls(at=datetime.strptime(f"{moment}+0000", "%Y%m%dT%H%M%S.%fZ%z"), id=uuid.UUID(decision))
        except ValueError:
            return None
