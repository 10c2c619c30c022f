"""Requests to the admins over the API: a Mac makes them and hears of its own, programs of admins read and decline them.

The other answer is a rule. It is written on the page of the requests alone.
"""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from machines.queries import get_machine_of
from machines.serializers import MachineNameSerializer
from portal.accounts.authentication import HasScope
from portal.accounts.models import Scope
from portal.common.api_query import MAX_PAGE, NoParameters, OneOf, PageParameters, read_query
from portal.common.pagination import answer_page, page_of
from portal.common.problems import Problem
from routing.api import RoutingView, get_token
from routing.api_schema import NewPolicyRequestSerializer
from routing.inbox import decline_request, list_requests_for, make_request
from routing.models import PolicyRequest

STATES = PolicyRequest.State.values


class RequestParameters(PageParameters):
    # An agent looks for its waiting ones on the first page.
    limit = s.IntegerField(default=MAX_PAGE, min_value=1, max_value=MAX_PAGE)
    state = OneOf(STATES, required=False)


class PolicyRequestSerializer(s.ModelSerializer[PolicyRequest]):
    id = s.CharField(source="public_id")
    kind = s.ChoiceField(PolicyRequest.Kind.values)
    state = s.ChoiceField(STATES)
    remotes = s.ListField(child=s.CharField(), source="remote_list")
    machine = MachineNameSerializer()
    revision = s.IntegerField(allow_null=True, help_text="Of the policy that answered it.")

    class Meta:
        model = PolicyRequest
        fields = ("id", "kind", "state", "reason", "remotes", "machine", "at", "answered_at", "revision")


class RequestsView(RoutingView):
    permission_classes = (HasScope(Scope.MACHINE, reading=(Scope.MACHINE, Scope.READ)),)

    @extend_schema(
        operation_id="list_requests", parameters=[RequestParameters], responses=page_of(PolicyRequestSerializer)
    )
    def get(self, request: Request) -> Response:
        """What was asked of the admins, newest first, with the answers. A Mac gets its own, a token that reads all."""
        asked = read_query(RequestParameters, request)
        rows = list_requests_for(get_token(request), state=asked.get("state"))
        return answer_page(request, rows, asked=asked, order="-at", shape=PolicyRequestSerializer)

    @extend_schema(operation_id="make_request", request=NewPolicyRequestSerializer, responses=PolicyRequestSerializer)
    def post(self, request: Request) -> Response:
        """Ask the admins to classify a project or to make an exception. The same request waits once."""
        made = make_request(document=request.data, machine=get_machine_of(get_token(request)))
        return Response(PolicyRequestSerializer(made).data)


class DeclineView(RoutingView):
    permission_classes = (HasScope(Scope.POLICY),)

    @extend_schema(operation_id="decline_request", request=None, responses=PolicyRequestSerializer)
    def post(self, request: Request, request_id: str) -> Response:
        """Answer with a no. Who asked is told; one that was answered already is 404."""
        read_query(NoParameters, request)
        if request.data:
            raise Problem(400, "field.unknown", "This takes no body.", "")
        token = get_token(request)
        actor = f"{token.name} (token {token.public_id})"
        return Response(PolicyRequestSerializer(decline_request(public_id=request_id, by=None, actor=actor)).data)
