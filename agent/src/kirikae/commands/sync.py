"""`kirikae sync`: fetches the policy bundle if it changed, verifies it, and sends waiting receipts."""

from __future__ import annotations

from kirikae.arguments import Arguments
from kirikae.errors import NoPolicyError, PortalError
from kirikae.home import Home
from kirikae.moments import now
from kirikae.policy.bundle_store import accept_bundle, load_bundle, mark_checked, note_refusal
from kirikae.portal.client import PortalClient
from kirikae.portal.own_requests import refresh_requests
from kirikae.receipts.spool import send_receipts
from kirikae.texts import say


def execute(_arguments: Arguments, home: Home) -> int:
    sync(home)
    return 0


def sync(home: Home) -> None:
    enrolment = home.get_enrolment()
    with PortalClient.of_this_machine(home) as client:
        try:
            changed = client.get_if_changed("/api/v1/bundle", etag=_usable_etag(home))
        except PortalError as error:
            note_refusal(home, error.data.get("problem"))
            raise
        if changed is None:
            bundle = load_bundle(home).bundle
            mark_checked(home, bundle, at=now(), portal_date=client.date)
        else:
            document, etag = changed
            bundle = accept_bundle(home, document, enrolment=enrolment, etag=etag, at=now(), portal_date=client.date)
        print(say("sync.unchanged" if changed is None else "sync.changed", revision=bundle.revision))
        refresh_requests(home, client)
        count = send_receipts(home, client)
        if count:
            print(say("sync.receipts", count=count))


def _usable_etag(home: Home) -> str | None:
    """Only of a bundle that can be used: after damage the portal must send it whole."""
    try:
        return load_bundle(home).etag
    except NoPolicyError:
        return None
