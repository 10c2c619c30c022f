"""Asks the portal once, for a moment, whether the policy changed; used before a cloud answer from an old bundle."""

from __future__ import annotations

import threading
from time import monotonic

from kirikae.engine.named_tuple import NamedTuple
from kirikae.errors import AgentError, PreflightError
from kirikae.fetch import FetchError, Response, fetch
from kirikae.home import Home
from kirikae.moments import now
from kirikae.policy.bundle_store import StoredBundle, accept_bundle, load_bundle, mark_checked, note_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

# A `claude` start feels slow from about half a second.
REFRESH_BUDGET_S = 0.3
MAX_BUNDLE_BYTES = 16 * 1024 * 1024


# What the portal said: this is the current one; nothing to go by; another one, which could not be kept here.
type Outcome = Literal["confirmed", "unknown", "not_kept"]


class Refreshed(NamedTuple):
    """The bundle in force afterwards; `is_confirmed` when the portal just said that it is the current one."""

    stored: StoredBundle
    is_confirmed: bool


def refresh_bundle(home: Home, stored: StoredBundle) -> Refreshed:
    """The bundle given, unconfirmed, when the portal does not answer in time or answers oddly.

    In a thread, because looking up the portal's name has no time limit of its own.
    """
    done: list[Outcome] = []
    deadline = monotonic() + REFRESH_BUDGET_S
    worker = threading.Thread(target=lambda: done.append(_refresh(home, stored, deadline)), daemon=True)
    worker.start()
    worker.join(REFRESH_BUDGET_S)
    current = load_bundle(home)
    return Refreshed(
        current._replace(is_older=current.is_older or done == ["not_kept"]), is_confirmed=done == ["confirmed"]
    )


def _refresh(home: Home, stored: StoredBundle, deadline: float) -> Outcome:
    has_another = False
    try:
        enrolment = home.get_enrolment()
        headers = {"Authorization": f"Bearer {home.get_token()}"} | (
            {"If-None-Match": stored.etag} if stored.etag else {}
        )
        url = f"{enrolment.portal_url}/api/v1/bundle"
        answer = fetch(url, deadline=deadline, headers=headers, max_bytes=MAX_BUNDLE_BYTES)
        date = answer.headers.get("date")
        if answer.status == 304 and stored.etag:
            mark_checked(home, stored.bundle, at=now(), portal_date=date)
        elif answer.status == 200:
            document = answer.json()
            given = document if isinstance(document, dict) else {}
            etag = answer.headers.get("etag", "")
            has_another = True
            accept_bundle(home, given, enrolment=enrolment, etag=etag, at=now(), portal_date=date)
        else:
            _note_refusal(home, answer)
            return "unknown"
    except PreflightError:
        # A full disk must not keep in force what the portal has replaced.
        return "not_kept" if has_another else "unknown"
    except (FetchError, AgentError):
        # Unreachable or odd: the last good bundle stays in force until it expires, and its age is told.
        return "unknown"
    return "confirmed"


def _note_refusal(home: Home, answer: Response) -> None:
    """Raises FetchError for what is no JSON, as something between here and the portal may answer."""
    problem = answer.json()
    note_refusal(home, problem.get("code") if isinstance(problem, dict) else None)
