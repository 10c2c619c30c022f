"""Shared ground of the REST API: parsing."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from portal.common.problems import Problem

BODY_LIMIT_BYTES = 64 * 1024


class StrictJSONParser(BaseParser):
    """JSON bodies only, read up to the view's `body_limit_bytes` and parsed by the engine's one parser."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        view = (parser_context or {}).get("view")
        limit_bytes = getattr(view, "body_limit_bytes", BODY_LIMIT_BYTES)
        # One byte more than allowed tells "too large" without reading what else was sent.
        body = stream.read(limit_bytes + 1)
        if len(body) > limit_bytes:
            raise Problem(413, "request.too_large", f"The body is over {limit_bytes} bytes. Send less.")
        try:
            return json.loads(body)
        except ValueError as error:
            raise Problem(400, "request.malformed", f"The body is not JSON: {error}.") from error
