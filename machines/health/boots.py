"""Which message is new, and whether two machines speak with one token. Pure: lists in, lists out.

An agent's service draws a random id at each start and numbers its messages. A number that was seen before is a
duplicate or a delayed message. A start that comes back after another one is nothing odd by itself: a single command
beside the service looks like that. Two starts that *both* keep coming back are two machines.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from routing.engine.reading.messages import Origin

# Enough for a service and a few commands beside it; a start that was forgotten counts as new.
BOOTS_KEPT = 6
RETURNS_OF_A_CLONE = 2
# Starts that come back less often than this are a service that is restarted, not two machines.
CLONE_WINDOW = timedelta(hours=1)
# Heartbeats wait in Valkey while reports are written at once. By more than this only a clock goes that was set back.
LATE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Boot:
    """`returns`: how often it came back after another one."""

    id: str
    sequence: int
    at: datetime
    returns: int = 0


@dataclass(frozen=True, slots=True)
class Reception:
    is_new: bool
    boots: tuple[Boot, ...]

    @property
    def is_cloned(self) -> bool:
        newest = self.boots[0].at if self.boots else None
        returning = [
            boot
            for boot in self.boots
            if boot.returns >= RETURNS_OF_A_CLONE and newest is not None and newest - boot.at <= CLONE_WINDOW
        ]
        return len(returning) > 1


def receive(boots: tuple[Boot, ...], origin: Origin | None, *, at: datetime) -> Reception:
    """`boots` newest first. A message without origin is always new: its agent does not count."""
    if origin is None:
        return Reception(is_new=True, boots=boots)
    known = next((boot for boot in boots if boot.id == origin.boot_id), None)
    if known is None:
        started = Boot(id=origin.boot_id, sequence=origin.sequence, at=at)
        return Reception(is_new=True, boots=(started, *boots)[:BOOTS_KEPT])
    if origin.sequence <= known.sequence:
        return Reception(is_new=False, boots=boots)
    if is_written_late(at, newest=boots[0].at):
        # What came before the newest message did not come back after it.
        late = replace(known, sequence=origin.sequence)
        return Reception(is_new=True, boots=tuple(late if boot is known else boot for boot in boots))
    is_return = boots[0] is not known
    is_recent = at - known.at <= CLONE_WINDOW
    returns = (known.returns if is_recent else 0) + is_return
    heard = replace(known, sequence=origin.sequence, at=at, returns=returns)
    return Reception(is_new=True, boots=(heard, *(boot for boot in boots if boot is not known)))


def is_written_late(at: datetime, *, newest: datetime) -> bool:
    return timedelta() < newest - at <= LATE


def boots_from_document(document: list[dict[str, object]]) -> tuple[Boot, ...]:
    return tuple(
        Boot(
            id=str(entry["id"]),
            sequence=int(str(entry["sequence"])),
            at=datetime.fromisoformat(str(entry["at"])),
            returns=int(str(entry["returns"])),
        )
        for entry in document
    )


def boots_document(boots: tuple[Boot, ...]) -> list[dict[str, object]]:
    return [
        {"id": boot.id, "sequence": boot.sequence, "at": boot.at.isoformat(), "returns": boot.returns} for boot in boots
    ]
