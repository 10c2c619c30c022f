"""What a message does to the health row of its machine: at once, or from the buffer in Valkey many in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from machines.health.boots import Reception, boots_document, boots_from_document, is_written_late, receive
from machines.health.choices import MachineState, QuarantineReason
from machines.health.facts import facts_of
from machines.health.models import Health
from machines.health.states import ARRIVALS_TO_RETURN, judge
from routing.engine.reading.messages import Origin

REPORTS_TO_DEGRADE = 2
# A Mac that falls silent after the clock was set back is noticed so much later at most.
STANDS_STILL_FOR = timedelta(hours=2)
_TRIES = 5
_COLUMNS = (
    "seen_at",
    "due_at",
    "interval_s",
    "messages",
    "arrivals",
    "slept_at",
    "boots",
    "situation",
    "trouble",
    "is_degraded",
    "quarantine",
)


@dataclass(frozen=True, slots=True)
class Message:
    """A report or a heartbeat as health sees it. `is_broken`: whether a report told of a broken runtime."""

    at: datetime
    origin: Origin | None = None
    announcement: str | None = None
    situation: dict[str, Any] | None = None
    interval_s: float | None = None
    is_report: bool = False
    is_broken: bool = False


def receive_now(health: Health, message: Message) -> bool:
    """One guarded update, and one more read only when another message came in between. False: it was no news.

    A retired machine takes nothing. `health` is up to date afterwards.
    """
    for _ in range(_TRIES):
        if not take_in(health, message):
            return False
        rows = Health.objects.filter(pk=health.pk, messages=health.messages - 1)
        if rows.update(**{name: getattr(health, name) for name in _COLUMNS}):
            return True
        health.refresh_from_db()
    return False


def take_in(health: Health, message: Message) -> bool:
    """Changes the row in memory. False: a duplicate, a delayed message, or a machine that is retired."""
    if health.machine.state == MachineState.RETIRED:
        return False
    reception = receive(boots_from_document(health.boots), message.origin, at=message.at)
    if not reception.is_new:
        return False
    _note(health, message, reception)
    # Since when the portal listens does not matter for a machine that was heard just now.
    judgement = judge(facts_of(health, watch=None, now=message.at), now=message.at)
    # A transition is the evaluator's to write: it keeps the history and comes by within seconds.
    health.due_at = judgement.due_at if judgement.state == health.machine.state else _at_once(message.at)
    return True


def _at_once(at: datetime) -> datetime:
    return at - timedelta(microseconds=1)


def _note(health: Health, message: Message, reception: Reception) -> None:
    is_late = health.seen_at is not None and is_written_late(message.at, newest=health.seen_at)
    health.seen_at = _seen_at(health.seen_at, message.at)
    health.messages += 1
    is_whole = message.is_report or message.announcement == "wake"
    health.arrivals = ARRIVALS_TO_RETURN if is_whole else min(health.arrivals + 1, ARRIVALS_TO_RETURN)
    health.boots = boots_document(reception.boots)
    if not is_late:
        _note_newest(health, message)
    if message.is_report:
        _note_trouble(health, is_broken=message.is_broken)
    if reception.is_cloned and not health.quarantine:
        health.quarantine = QuarantineReason.CLONED


def _note_newest(health: Health, message: Message) -> None:
    """What only the newest message knows."""
    health.slept_at = health.seen_at if message.announcement == "sleep" else None
    if message.interval_s is not None:
        health.interval_s = message.interval_s
    if message.situation is not None:
        health.situation = message.situation


def _seen_at(before: datetime | None, at: datetime) -> datetime:
    """Where the portal's clock was set back a little, time stands still; a clock that was far ahead was wrong."""
    if before is None or before - at > STANDS_STILL_FOR:
        return at
    return max(before, at)


def _note_trouble(health: Health, *, is_broken: bool) -> None:
    """A runtime must be broken in two reports in a row, and well in two, before the machine's state says so."""
    step = 1 if is_broken else -1
    in_a_row = health.trouble + step if health.trouble * step > 0 else step
    health.trouble = max(-REPORTS_TO_DEGRADE, min(in_a_row, REPORTS_TO_DEGRADE))
    if abs(health.trouble) == REPORTS_TO_DEGRADE:
        health.is_degraded = is_broken


@transaction.atomic
def receive_many(messages: Sequence[tuple[int, Message]]) -> int:
    """Messages of many machines, oldest first, written in one statement. Returns how many were news.

    The rows are locked for it, so a report that comes in meanwhile waits instead of being overwritten.
    """
    wanted = {machine for machine, _ in messages}
    rows = Health.objects.select_related("machine").filter(pk__in=wanted).select_for_update(of=("self",)).order_by("pk")
    healths = {row.pk: row for row in rows}
    news: dict[int, Health] = {}
    count = 0
    for machine, message in messages:
        health = healths.get(machine)
        if health is not None and take_in(health, message):
            news[machine] = health
            count += 1
    if connection.vendor == "postgresql":
        _write_by_unnest(list(news.values()))
    else:
        Health.objects.bulk_update(news.values(), _COLUMNS, batch_size=100)
    return count


def _write_by_unnest(rows: Sequence[Health]) -> None:
    """One statement, however many rows. The casts name the types of the columns."""
    columns = {field.name: field for field in Health._meta.concrete_fields}
    fields = [columns[name] for name in _COLUMNS]
    casts = [str(field.db_type(connection)) for field in fields]
    names = ", ".join(_COLUMNS)
    sets = ", ".join(f"{name} = news.{name}" for name in _COLUMNS)
    arrays = ", ".join(["%s::bigint[]", *(f"%s::{_array_type(cast)}[]" for cast in casts)])
    values = [[row.pk for row in rows]]
    values += [[field.get_db_prep_save(getattr(row, field.name), connection) for row in rows] for field in fields]
    table = Health._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {sets} FROM unnest({arrays}) AS news(pk, {names}) "  # noqa: S608 - names of columns
            f"WHERE {table}.machine_id = news.pk",
            values,
        )


def _array_type(cast: str) -> str:
    return cast.split("(", maxsplit=1)[0]
