"""The portal's API for `enrol`, `sync`, `report` and `bench`; the hot path does not import this (httpx is slow)."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from kirikae import __version__
from kirikae.errors import PortalError
from kirikae.home import Home

TIMEOUT_S = 10.0


class PortalClient:
    """Raises PortalError: `portal.unreachable`, `portal.refused` with the portal's own code, or `portal.odd_answer`."""

    def __init__(self, portal_url: str, *, token: str | None = None) -> None:
        headers = {"User-Agent": f"kirikae/{__version__}"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._url = portal_url
        # By the portal's clock, of its last answer.
        self.date: str | None = None
        # A kept connection may be closed by the server just as the next poll is sent on it.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(base_url=portal_url, headers=headers, timeout=TIMEOUT_S, limits=limits)

    @classmethod
    def of_this_machine(cls, home: Home) -> Self:
        return cls(home.get_enrolment().portal_url, token=home.get_token())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def post(self, path: str, document: Mapping[str, object]) -> dict[str, object]:
        return self._document(self._send("POST", path, document=document))

    def get(self, path: str) -> dict[str, object]:
        return self._document(self._send("GET", path))

    def get_if_changed(self, path: str, *, etag: str | None) -> tuple[dict[str, object], str] | None:
        """None when the portal still has what this ETag names."""
        answer = self._send("GET", path, headers={"If-None-Match": etag} if etag else {})
        return None if answer.status_code == 304 else (self._document(answer), answer.headers.get("ETag", ""))

    def _send(
        self,
        method: str,
        path: str,
        *,
        document: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, path, json=document, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PortalError("portal.unreachable", url=self._url) from error
        self.date = answer.headers.get("Date")
        return answer

    def _document(self, answer: httpx.Response) -> dict[str, object]:
        try:
            document = answer.json()
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise PortalError("portal.odd_answer", url=self._url, status=answer.status_code)
        if not answer.is_success:
            problem, detail = document.get("code"), document.get("detail")
            raise PortalError("portal.refused", problem=problem, detail=detail, status=answer.status_code)
        return document
