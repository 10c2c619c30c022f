"""REST API of routing: decisions, receipts and the signed bundle. Bearer tokens only; cookies count for nothing."""

from typing import Any

from django.utils.cache import get_conditional_response
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from machines.queries import find_machine_of, get_machine_of
from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from portal.accounts.models import ApiToken
from portal.common.pagination import page_of
from routing import api_log, api_schema
from routing.decide_query import document_from_query
from routing.engine.wire import request_from_document
from routing.evidence import accept_receipts
from routing.machine_standing import refuse_if_quarantined
from routing.queries import get_machine_to_ask_for
from routing.rate import DecisionThrottle
from routing.receipts import receipts_from_document
from routing.renderers import LineRenderer, ShellRenderer
from routing.services import decide_and_log, load_bundle
from routing.wording import language_of_reader

RECEIPTS_LIMIT_BYTES = 1024 * 1024


def get_token(request: Request) -> ApiToken:
    """The token that the permission has let through."""
    token = request.auth
    if not isinstance(token, ApiToken):
        raise NotAuthenticated
    return token


class RoutingView(APIView):
    authentication_classes = (BearerTokenAuthentication,)


class DecisionResponse(Response):
    """`client` is the program that shell text has to start."""

    def __init__(self, answer: dict[str, Any], *, client: str | None) -> None:
        vary = "Accept, Accept-Language, Authorization"
        super().__init__(answer, headers={"Cache-Control": "no-store", "Vary": vary})
        self.client = client


class DecideView(RoutingView):
    permission_classes = (HasScope("decide"),)
    throttle_classes = (DecisionThrottle,)
    renderer_classes = (
        JSONRenderer,
        LineRenderer,
        ShellRenderer,
    )

    def decide(self, request: Request, document: object) -> Response:
        task_request = request_from_document(document)
        token = get_token(request)
        machine = get_machine_to_ask_for(token, asked=task_request.machine)
        language = language_of_reader()
        answer = decide_and_log(request=task_request, by=None, token=token, machine=machine, language=language)
        client = str(task_request.client.name) if task_request.client else None
        return DecisionResponse(answer, client=client)


class DecisionsView(DecideView):
    """Asking and reading what was asked share an address, but neither a scope nor a form of the answer."""

    permission_classes = (HasScope("decide", reading=("read",)),)

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer()] if self.request.method in SAFE_METHODS else super().get_renderers()

    def get_throttles(self) -> list[BaseThrottle]:
        return [] if self.request.method in SAFE_METHODS else super().get_throttles()

    @extend_schema(
        operation_id="list_decisions",
        parameters=[api_log.LogParameters],
        responses=page_of(api_log.LogRowSerializer),
    )
    def get(self, request: Request) -> Response:
        """The log of decisions, newest first."""
        return api_log.answer_log(request)

    @extend_schema(
        operation_id="decide", request=api_schema.TaskRequestSerializer, responses=api_schema.DECISION_RESPONSES
    )
    def post(self, request: Request) -> Response:
        """Which backend for this task, in these projects, on this machine? The answer is logged."""
        return self.decide(request, request.data)


class DecideByQueryView(DecideView):
    @extend_schema(
        operation_id="decide_by_query",
        parameters=api_schema.QUERY_PARAMETERS,
        responses=api_schema.DECISION_RESPONSES,
    )
    def get(self, request: Request) -> Response:
        """The same answer for curl: one project, its signals as repeatable parameters."""
        return self.decide(request, document_from_query(request.query_params))


class ReceiptsView(RoutingView):
    permission_classes = (HasScope("machine"),)
    body_limit_bytes = RECEIPTS_LIMIT_BYTES

    @extend_schema(
        operation_id="send_receipts", request=api_schema.ReceiptsSerializer, responses=api_schema.RECEIPTS_RESPONSES
    )
    def post(self, request: Request) -> Response:
        """What was really launched. Idempotent by decision and kind, so a batch may be sent again."""
        receipts = receipts_from_document(request.data)
        return Response(accept_receipts(receipts=receipts, machine=get_machine_of(get_token(request))))


class BundleView(RoutingView):
    permission_classes = (HasScope("machine", "read"),)

    @extend_schema(operation_id="get_bundle", responses=api_schema.BUNDLE_RESPONSES)
    def get(self, request: Request) -> Any:
        """The policy in force, signed. With `If-None-Match` an unchanged one costs a 304."""
        refuse_if_quarantined(find_machine_of(get_token(request)))
        signed = load_bundle()
        etag = f'"{signed.etag}"'
        body = {"key_id": signed.key_id, "payload": signed.payload.decode(), "signature": signed.signature}
        response = Response(body, headers={"ETag": etag, "Cache-Control": "no-cache", "Vary": "Authorization"})
        is_unchanged = "If-None-Match" in request.headers
        return get_conditional_response(request._request, etag=etag, response=response) if is_unchanged else response
