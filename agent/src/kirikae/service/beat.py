"""One message to the portal, and what its answer asks for: the new policy, waiting receipts, a new token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from kirikae.collect.full_report import collect_full_report
from kirikae.collect.hardware import read_state
from kirikae.collect.quota import find_quota_left
from kirikae.collect.reading import values_of
from kirikae.collect.report import LAST_REPORT
from kirikae.errors import AgentError, NoPolicyError
from kirikae.home import Home
from kirikae.moments import now
from kirikae.policy.bundle_store import load_bundle, mark_checked, note_refusal
from kirikae.portal.benchmarks import send_benchmarks
from kirikae.portal.token_rotation import rotate_token
from kirikae.receipts.spool import send_receipts
from kirikae.service.entrance import NO_ENTRANCE, Entrance
from kirikae.service.link import PortalLink

RENEWED_AFTER_PART = 4

type Announcement = Literal["sleep", "wake"]


@dataclass(frozen=True)
class Message:
    """`sequence` grows by one with each message of one start of the service, which `boot_id` names."""

    boot_id: str
    sequence: int
    is_report: bool = False
    announce: Announcement | None = None
    # Where the portal may ask: {"address", "token"}; only in reports.
    poll: Mapping[str, str] | None = None
    entrance: Entrance = NO_ENTRANCE


def exchange(home: Home, message: Message) -> dict[str, object]:
    """The portal's answer with `ok` and its address; `error` names what failed, `passed` is told by the entrance.

    Never raises.
    """
    enrolment = home.find_enrolment()
    portal = enrolment.portal_url if enrolment else None
    try:
        answer = _send(home, message, entrance=message.entrance.of(portal))
    except AgentError as error:
        told, problem = error.data, error.data.get("problem")
        # A full disk keeps nothing; the next message is refused in the same way.
        _failure(lambda: note_refusal(home, problem))
        more = {"retry_after_s": told.get("retry_after_s"), "passed": told.get("passed")}
        return {"ok": False, "error": error.code, "portal": portal, **more}
    failures = list(_follow_up(home, answer))
    return {**answer, "ok": True, "portal": portal, "error": failures[0] if failures else None}


def _send(home: Home, message: Message, *, entrance: Entrance) -> dict[str, object]:
    origin: dict[str, object] = {"boot_id": message.boot_id, "sequence": message.sequence}
    if not message.is_report:
        state = values_of(read_state()) | {"cloud_quota_left": find_quota_left(home)}
        heartbeat = {"state": state, "announce": message.announce, **origin}
        return entrance.send(lambda port: PortalLink(home, port=port).post("/api/v1/heartbeats", heartbeat))
    report = collect_full_report(home)
    sent = {**report, **origin, "poll": message.poll}
    answer = entrance.send(lambda port: PortalLink(home, port=port).post("/api/v1/reports", sent))
    home.keep_json(LAST_REPORT, report)
    return answer


def _follow_up(home: Home, answer: Mapping[str, object]) -> list[str]:
    """Codes of what failed; each is tried again after the next message."""
    works: list[Callable[[], object]] = [
        lambda: _keep_current(home, answer),
        lambda: send_receipts(home, PortalLink(home)),
        lambda: send_benchmarks(home, PortalLink(home)),
    ]
    if answer.get("rotate_token") is True:
        works.append(lambda: rotate_token(home, PortalLink(home)))
    return [code for work in works if (code := _failure(work)) is not None]


def _sync(home: Home) -> None:
    # 15 MB of libraries that a fork needs when the policy changed, and the service never.
    from kirikae.commands.sync import sync  # noqa: PLC0415

    sync(home)


def _failure(work: Callable[[], object]) -> str | None:
    try:
        work()
    except AgentError as error:
        return error.code
    return None


def _keep_current(home: Home, answer: Mapping[str, object]) -> None:
    """The answer confirms the policy here, or says that there is another one, which is then fetched.

    A bundle lives for a day from its issue and is issued anew each hour: long before its end the newest is fetched.
    """
    named = answer.get("policy_epoch"), answer.get("policy_revision")
    try:
        bundle = load_bundle(home).bundle
    except NoPolicyError:
        return _sync(home)
    lived = now() - bundle.issued_at
    if named != bundle.order or lived > (bundle.expires_at - bundle.issued_at) / RENEWED_AFTER_PART:
        return _sync(home)
    date = answer.get("date")
    return mark_checked(home, bundle, at=now(), portal_date=date if isinstance(date, str) else None)
