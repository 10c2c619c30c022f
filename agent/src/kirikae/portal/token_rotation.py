"""Asks the portal for a new token. The old one goes on until the new one was used: a crash in between is harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from kirikae.errors import PortalError
from kirikae.home import Home

_TOKEN = re.compile(r"kmt_[A-Za-z0-9_-]{1,200}")


class Poster(Protocol):
    def post(self, path: str, document: Mapping[str, object]) -> dict[str, object]: ...


def rotate_token(home: Home, client: Poster) -> None:
    """Raises PortalError, and PreflightError when it cannot be kept: the old token then goes on."""
    token = client.post("/api/v1/token", {}).get("token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise PortalError("portal.odd_answer", url=home.get_enrolment().portal_url, status=201)
    home.keep_token(token, machine=home.get_enrolment().machine)
