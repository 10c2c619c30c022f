"""`kirikae enrol URL`: registers this machine by an approved code or a join key; ends with a report and a sync."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from kirikae import __version__
from kirikae.arguments import Arguments
from kirikae.collect.report import hardware_of_this_boot
from kirikae.commands.report import send_report
from kirikae.commands.sync import sync
from kirikae.errors import PortalError, UsageError
from kirikae.home import Enrolment, Home
from kirikae.portal.client import PortalClient
from kirikae.texts import say

PATH = "/api/v1/enrolments"
# Codes hold for ten minutes; the portal says when one has expired, this only bounds a portal that never does.
LONGEST_WAIT_S = 660.0


def execute(arguments: Arguments, home: Home) -> int:
    portal_url = _portal_url(arguments.url)
    home.prove_writable()
    name = arguments.name or socket.gethostname().partition(".")[0]
    hardware = dict(hardware_of_this_boot(home).values)
    answer = _enrol(portal_url, name=name, hardware=hardware, join_key=arguments.join_key)
    enrolment = Enrolment(
        portal_url=portal_url, machine=str(answer["machine"]), name=name, signing_key=str(answer["signing_key"])
    )
    home.save_enrolment(enrolment, token=str(answer["token"]))
    print(say("enrol.done", name=name, machine=enrolment.machine))
    send_report(home)
    sync(home)
    return 0


def _portal_url(text: str) -> str:
    """Without a path. Raises UsageError."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise UsageError("portal.bad_url", url=text) from error
    if "@" in parts.netloc:
        # They would be sent in the place of the token; and a password is not told again.
        raise UsageError("portal.url_with_user")
    if not is_address or any(sign.isspace() for sign in parts.netloc):
        raise UsageError("portal.bad_url", url=text)
    return f"{parts.scheme}://{parts.netloc}"


def _enrol(portal_url: str, *, name: str, hardware: Mapping[str, object], join_key: str | None) -> Mapping[str, object]:
    """The approved answer, with `machine`, `token` and `signing_key`."""
    request = {"name": name, "agent_version": __version__, "hardware": hardware, "join_key": join_key}
    with PortalClient(portal_url) as client:
        answer: Mapping[str, object] = client.post(PATH, request)
        if answer.get("state") == "pending":
            _show_code(portal_url, answer, hardware)
            answer = _wait(client, portal_url, answer)
    if answer.get("state") in {"denied", "expired"}:
        raise PortalError(f"enrol.{answer['state']}", url=portal_url)
    if not all(isinstance(answer.get(field), str) for field in ("machine", "token", "signing_key")):
        raise PortalError("portal.odd_answer", url=portal_url, status=200)
    return answer


def _show_code(portal_url: str, answer: Mapping[str, object], hardware: Mapping[str, object]) -> None:
    url = answer.get("approve_url") or f"{portal_url}/machines/add"
    print(say("enrol.code", url=url, code=answer.get("code")))
    told = ", ".join(f"{field} {value}" for field, value in hardware.items() if value is not None)
    print(say("enrol.sent", hardware=told), flush=True)


def _wait(client: PortalClient, portal_url: str, answer: Mapping[str, object]) -> Mapping[str, object]:
    """Polls as often as the portal asks for, until it decides."""
    interval = answer.get("interval_s")
    interval_s = interval if isinstance(interval, int | float) and 0.2 <= interval <= 30.0 else 2.0
    deadline = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < deadline:
        polled = client.post(f"{PATH}/poll", {"poll_token": answer.get("poll_token")})
        if polled.get("state") != "pending":
            return polled
        time.sleep(interval_s)
    raise PortalError("enrol.expired", url=portal_url)
