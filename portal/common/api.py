"""Shared ground of the REST API: parsing."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from portal.common.problems import Problem
from routing.engine import wire

BODY_LIMIT_BYTES = 64 * 1024


class StrictJSONParser(BaseParser):
    """JSON bodies only, read up to the view's `body_limit_bytes` and parsed by the engine's one parser."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        view = (parser_context or {}).get("view")
        limit_bytes = getattr(view, "body_limit_bytes", BODY_LIMIT_BYTES)
        if _declared_bytes(stream) > limit_bytes:
            raise _too_large(limit_bytes)
        # One byte more than allowed tells "too large" without reading what else was sent.
        body = stream.read(limit_bytes + 1)
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        return wire.parse_json(body, max_bytes=limit_bytes)


def _declared_bytes(stream: object) -> int:
    """What Content-Length says; DRF hands over the request itself as the stream."""
    return int(getattr(stream, "META", {}).get("CONTENT_LENGTH") or 0)


def _too_large(limit_bytes: int) -> Problem:
    return Problem(413, "request.too_large", f"The body is over {limit_bytes} bytes. Send less.")
