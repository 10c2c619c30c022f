"""Pages of the API's lists: `{"results": [...], "next": ADDRESS}`. Each starts beside a row, however long the list.

Cursors are signed for their route, so what comes back is a place in that list and nothing that was made up. The cursors
of REST framework count rows where several have the same time, and so show some twice when others come in meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from portal.common.addresses import portal_address
from portal.common.problems import Problem

CURSOR = "cursor"

type Asked = Mapping[str, Any]
type Shape = type[serializers.BaseSerializer[Any]]


def answer_page(request: Request, rows: QuerySet[Any], *, asked: Asked, order: str, shape: Shape) -> Response:
    """`order` is a column that never changes, with `-` for the greatest first; `asked` is what the view has read."""
    column, sign = order.removeprefix("-"), "-" if order.startswith("-") else ""
    place = _read_cursor(request, asked)
    behind = rows.filter(_behind(column, place, side="lt" if sign else "gt")) if place else rows
    found = list(behind.order_by(order, f"{sign}pk")[: asked["limit"] + 1])
    page = found[: asked["limit"]]
    is_last = len(page) == len(found)
    following = None if is_last else _address_behind(request, [str(getattr(page[-1], column)), str(page[-1].pk)])
    return _answer(page, shape, following=following)


def answer_page_of_names(
    request: Request, rows: Sequence[Any], *, asked: Asked, name: Callable[[Any], str], shape: Shape
) -> Response:
    """The same of rows that are made in memory: in the order of their names, of which each is the name of one row."""
    place = _read_cursor(request, asked)
    ahead = [row for row in sorted(rows, key=name) if place is None or name(row) > place[0]]
    page = ahead[: asked["limit"]]
    following = None if len(page) == len(ahead) else _address_behind(request, [name(page[-1])])
    return _answer(page, shape, following=following)


def page_of(shape: Shape) -> Any:
    """Its description for OpenAPI."""
    fields = {"results": shape(many=True), "next": serializers.URLField(allow_null=True)}
    return inline_serializer(f"PageOf{shape.__name__.removesuffix('Serializer')}", fields)


def _answer(page: Sequence[Any], shape: Shape, *, following: str | None) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Authorization"}
    return Response({"results": shape(page, many=True).data, "next": following}, headers=headers)


def _behind(column: str, place: Sequence[str], *, side: str) -> Q:
    """The last condition says nothing new, but it is the one that an index serves."""
    value, key = place
    same_value = Q(**{column: value, f"pk__{side}": key})
    return (Q(**{f"{column}__{side}": value}) | same_value) & Q(**{f"{column}__{side}e": value})


def _signer(request: Request) -> Signer:
    return Signer(salt=f"cursor of {request.path}")


def _address_behind(request: Request, place: Sequence[str]) -> str:
    address = portal_address(request, request.get_full_path())
    return replace_query_param(address, CURSOR, _signer(request).sign_object(place))


def _read_cursor(request: Request, asked: Asked) -> list[str] | None:
    if CURSOR not in asked:
        return None
    try:
        place: list[str] = _signer(request).unsign_object(asked[CURSOR])
    except BadSignature as error:
        detail = "This is no cursor of this list. Leave it out to start with the first page."
        raise Problem(400, "cursor.invalid", detail, CURSOR) from error
    return place
