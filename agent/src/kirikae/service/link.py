"""The portal's API for the service: the same errors as `portal_client`, from sockets, to keep the process small."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from time import monotonic
from urllib.parse import urlsplit

from kirikae.errors import PortalError
from kirikae.fetch import FetchError, fetch
from kirikae.home import Home

TIMEOUT_S = 10.0


class PortalLink:
    def __init__(self, home: Home, *, port: int | None = None) -> None:
        """With a port the same host at that port."""
        url = home.get_enrolment().portal_url
        self._url = url if port is None else _at_port(url, port)
        self._home = home

    def post(self, path: str, document: Mapping[str, object]) -> dict[str, object]:
        """With `date`, by the portal's clock.

        Raises PortalError; its data carries `status` and `retry_after_s` where the portal answered, and `reason`, a
        FetchError's, where it did not.
        """
        # Read each time: a rotation may have replaced it.
        headers = {"Authorization": f"Bearer {self._home.get_token()}"}
        try:
            answer = fetch(
                f"{self._url}{path}",
                deadline=monotonic() + TIMEOUT_S,
                body=json.dumps(document).encode(),
                headers=headers,
            )
            body = answer.json()
        except FetchError as error:
            raise PortalError("portal.unreachable", url=self._url, reason=error.reason) from error
        if not isinstance(body, dict):
            raise PortalError("portal.odd_answer", url=self._url, status=answer.status)
        if not 200 <= answer.status < 300:
            raise PortalError(
                "portal.refused",
                problem=body.get("code"),
                detail=body.get("detail"),
                status=answer.status,
                retry_after_s=_seconds(answer.headers.get("retry-after")),
            )
        return body | {"date": answer.headers.get("date")}


def _at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts._replace(netloc=f"[{host}]:{port}" if ":" in host else f"{host}:{port}").geturl()


def _seconds(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else None
