"""Bodies of the machine API that are not the engine's own, read with its readers: one way to be strict."""

from dataclasses import dataclass

from machines.enrolment import Applicant
from routing.engine import facts
from routing.engine.reading.messages import Origin, read_announcement, read_origin
from routing.engine.reading.shapes import ObjectReader, read_whole

NAME_LENGTH = 80


@dataclass(frozen=True)
class EnrolmentRequest:
    applicant: Applicant
    join_key: str | None


def enrolment_from_document(document: object) -> EnrolmentRequest:
    """Raises WireError."""
    request, problems = read_whole(document, _read_enrolment)
    facts.raise_first(problems)
    return request


def poll_token_from_document(document: object) -> str:
    """Raises WireError."""
    poll_token, problems = read_whole(document, lambda reader: reader.text("poll_token"))
    facts.raise_first(problems)
    return poll_token


@dataclass(frozen=True)
class Heartbeat:
    state: facts.MachineState | None
    origin: Origin | None = None
    announcement: str | None = None


def heartbeat_from_document(document: object) -> Heartbeat:
    """`{"state": {...} or null, "boot_id", "sequence", "announce"}`, all but `state` optional. Raises WireError."""
    heartbeat, problems = read_whole(document, _read_heartbeat)
    facts.raise_first(problems)
    return heartbeat


def _read_enrolment(reader: ObjectReader) -> EnrolmentRequest:
    applicant = Applicant(
        name=reader.text("name", max_length=NAME_LENGTH),
        agent_version=reader.optional_visible_text("agent_version", max_length=40),
        hardware=facts.read_hardware(reader.reader("hardware"))._asdict(),
    )
    if not applicant.name.isprintable() or applicant.name != applicant.name.strip():
        reader.wrong("name", found=applicant.name, allowed="visible characters without spaces around them")
    return EnrolmentRequest(applicant=applicant, join_key=reader.optional_text("join_key"))


def _read_heartbeat(reader: ObjectReader) -> Heartbeat:
    return Heartbeat(
        state=None if reader.take("state") is None else facts.read_state(reader.reader("state")),
        origin=read_origin(reader),
        announcement=read_announcement(reader),
    )
