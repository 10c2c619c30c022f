"""Asks the portal once, for a moment, whether the policy changed; used before a cloud answer from an old bundle."""

from __future__ import annotations

import threading
from time import monotonic

from kirikae.bundle_store import StoredBundle, accept_bundle, load_bundle, mark_checked
from kirikae.errors import AgentError
from kirikae.fetch import FetchError, fetch
from kirikae.home import Home
from kirikae.moments import now

# A `claude` start feels slow from about half a second.
REFRESH_BUDGET_S = 0.3
MAX_BUNDLE_BYTES = 16 * 1024 * 1024


def refresh_bundle(home: Home, stored: StoredBundle) -> StoredBundle:
    """The bundle in force afterwards; the one given when the portal does not answer in time or answers oddly.

    In a thread, because looking up the portal's name has no time limit of its own.
    """
    worker = threading.Thread(target=_refresh, args=(home, stored, monotonic() + REFRESH_BUDGET_S), daemon=True)
    worker.start()
    worker.join(REFRESH_BUDGET_S)
    return load_bundle(home)


def _refresh(home: Home, stored: StoredBundle, deadline: float) -> None:
    try:
        enrolment = home.get_enrolment()
        headers = {"Authorization": f"Bearer {home.get_token()}"} | (
            {"If-None-Match": stored.etag} if stored.etag else {}
        )
        url = f"{enrolment.portal_url}/api/v1/bundle"
        answer = fetch(url, deadline=deadline, headers=headers, max_bytes=MAX_BUNDLE_BYTES)
        if answer.status == 304:
            mark_checked(home, stored.bundle, at=now())
        elif answer.status == 200:
            document = answer.json()
            etag = answer.headers.get("etag", "")
            accept_bundle(
                home, document if isinstance(document, dict) else {}, enrolment=enrolment, etag=etag, at=now()
            )
    except (FetchError, AgentError):
        # Unreachable or odd: the last good bundle stays in force until it expires, and its age is told.
        return
