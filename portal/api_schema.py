"""OpenAPI of the REST API, for everybody: it holds shapes, no data."""

from typing import Any

from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny


class SchemaView(SpectacularAPIView):
    permission_classes = [AllowAny]  # noqa: RUF012 - declared by DRF
    renderer_classes = [OpenApiJsonRenderer]  # noqa: RUF012


SMALLEST_COLUMN = 2**15 - 1
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
PROBLEM = {
    "type": "object",
    "properties": {"code": _TEXT, "detail": _TEXT, "field": _TEXT_OR_NULL, "docs": _TEXT_OR_NULL},
    "required": ["code", "detail", "field", "docs"],
}


def tell_problems(result: dict[str, Any], **_about: Any) -> dict[str, Any]:
    """Every call answers every error by the one body, so it is said for all of them here."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "Any error.", "content": content}
    return result


def forget_column_sizes(result: dict[str, Any], **_about: Any) -> dict[str, Any]:
    """How large a number a column can hold differs between the databases, and promises nobody anything."""
    for schema in result["components"]["schemas"].values():
        for one in schema.get("properties", {}).values():
            for limit in ("minimum", "maximum"):
                if abs(one.get(limit, 0)) >= SMALLEST_COLUMN:
                    del one[limit]
            if one.get("format") == "int64":
                del one["format"]
    return result
