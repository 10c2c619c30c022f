"""The REST API of machines: enrolment, what agents send, and the list for programs."""

from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from machines import enrolment, serializers, services
from machines.enrolment import POLL_INTERVAL_S
from machines.health.pace import REPORT_S, pace
from machines.models import Machine
from machines.queries import get_machine_for_heartbeat, get_machine_of, is_report_wanted, list_all_machines
from machines.rate import Sent, refuse_flood
from machines.token_rotation import is_rotation_due, rotate_token, take_up_token
from machines.wire import enrolment_from_document, heartbeat_from_document, poll_token_from_document
from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from portal.accounts.models import ApiToken, Scope
from portal.common.addresses import portal_address
from portal.common.api_query import NoParameters, PageParameters, read_query
from portal.common.client_address import address_of
from portal.common.models import PolicyHead
from portal.common.pagination import answer_page, page_of
from portal.common.policy_head import get_head, recent_head
from portal.common.signing import public_key_base64
from routing.engine import facts

REPORT_LIMIT_BYTES = 2**20


class OpenView(APIView):
    """Enrolment comes before any token; codes, keys and limits guard it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class MachineView(APIView):
    """Only for machine tokens: each writes for its own machine and can name no other."""

    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope(Scope.MACHINE),)

    find_machine = staticmethod(get_machine_of)

    def get_machine(self) -> Machine:
        token = cast("ApiToken", self.request.auth)
        machine = self.find_machine(token)
        take_up_token(machine=machine, token=token)
        return machine


class EnrolmentsView(OpenView):
    @extend_schema(
        operation_id="enrol",
        request=serializers.EnrolmentSerializer,
        responses={201: serializers.EnrolmentAnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = enrolment_from_document(request.data)
        if wanted.join_key is not None:
            machine, token = enrolment.enrol_by_join_key(join_key=wanted.join_key, applicant=wanted.applicant)
            return Response(_approved(machine, token), status=201)
        started = enrolment.start_enrolment(applicant=wanted.applicant, address=address_of(request.META))
        return Response(_pending(request, started), status=201)


class EnrolmentPollView(OpenView):
    @extend_schema(
        operation_id="poll_enrolment",
        request=serializers.PollSerializer,
        responses=serializers.PollAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        answer = enrolment.poll_enrolment(poll_token=poll_token_from_document(request.data))
        if answer.machine is not None and answer.token is not None:
            return Response(_approved(answer.machine, answer.token))
        return Response({"state": answer.state})


class ReportsView(MachineView):
    body_limit_bytes = REPORT_LIMIT_BYTES

    @extend_schema(
        operation_id="send_report",
        request=serializers.ReportSerializer,
        responses=serializers.ReportAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        machine = self.get_machine()
        refuse_flood(machine.pk, Sent.REPORT)
        services.refuse_crowd_of_reports(machine=machine)
        report = facts.report_from_document(request.data)
        interval_s = pace.next_interval_s()
        document = cast("dict[str, object]", request.data)
        services.accept_report(machine=machine, report=report, document=document, interval_s=interval_s)
        return Response(
            {
                "machine": machine.public_id,
                "heartbeat_s": interval_s,
                "report_s": REPORT_S,
                **_policy_in_force(machine, get_head()),
                "rotate_token": is_rotation_due(machine),
                "agents_port": settings.AGENTS_PORT,
            }
        )


class HeartbeatsView(MachineView):
    find_machine = staticmethod(get_machine_for_heartbeat)

    @extend_schema(
        operation_id="send_heartbeat",
        request=serializers.HeartbeatSerializer,
        responses=serializers.HeartbeatAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        machine = self.get_machine()
        document = cast("dict[str, dict[str, object] | None]", request.data)
        heartbeat = heartbeat_from_document(document)
        refuse_flood(machine.pk, Sent.HEARTBEAT if heartbeat.announcement is None else Sent.ANNOUNCEMENT)
        interval_s = pace.next_interval_s()
        services.accept_heartbeat(
            machine=machine,
            situation=document.get("state"),
            origin=heartbeat.origin,
            announcement=heartbeat.announcement,
            interval_s=interval_s,
        )
        now = timezone.now()
        return Response(
            {
                "heartbeat_s": interval_s,
                "report_wanted": is_report_wanted(machine, now=now),
                **_policy_in_force(machine, recent_head.get()),
                "server_time": facts.time_text(now),
                "agents_port": settings.AGENTS_PORT,
            }
        )


class TokenView(MachineView):
    @extend_schema(operation_id="rotate_token", request=None, responses={201: serializers.RotatedTokenSerializer})
    def post(self, request: Request) -> Response:
        machine = self.get_machine()
        refuse_flood(machine.pk, Sent.ROTATION)
        issued = rotate_token(machine=machine)
        return Response({"token": issued.text, "expires_at": facts.time_text(issued.row.expires_at)}, status=201)


class BenchmarksView(MachineView):
    @extend_schema(
        operation_id="send_benchmarks",
        request=serializers.BenchmarksSerializer,
        responses=serializers.BenchmarksAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        machine = self.get_machine()
        refuse_flood(machine.pk, Sent.BENCHMARKS)
        benchmarks = facts.benchmarks_from_document(request.data)
        return Response({"stored": services.accept_benchmarks(machine=machine, benchmarks=benchmarks)})


class MachinesView(APIView):
    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope(Scope.READ),)

    @extend_schema(
        operation_id="list_machines", parameters=[PageParameters], responses=page_of(serializers.MachineSerializer)
    )
    def get(self, request: Request) -> Response:
        """All Macs of the team, by name."""
        asked = read_query(PageParameters, request)
        shape = serializers.MachineSerializer
        return answer_page(request, list_all_machines(), asked=asked, order="name", shape=shape)


class MachineDetailView(APIView):
    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope(Scope.READ),)

    @extend_schema(operation_id="get_machine", responses=serializers.MachineDetailSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        """One Mac with its runtimes, their models and its runs."""
        read_query(NoParameters, request)
        machines = list_all_machines().with_inventory().prefetch_related("benchmarks")
        return Response(serializers.MachineDetailSerializer(get_object_or_404(machines, public_id=public_id)).data)


def _policy_in_force(machine: Machine, head: PolicyHead) -> dict[str, object]:
    """By which an agent tells whether it has the current one; revisions come again when a backup is restored.

    A machine in quarantine is told none, which is never what it has: it asks, and learns that it may not go on by it.
    """
    if machine.health.quarantine:
        return {"policy_revision": 0, "policy_epoch": 0}
    return {"policy_revision": head.revision, "policy_epoch": head.epoch}


def _approved(machine: Machine, token: str) -> dict[str, object]:
    return {
        "state": "approved",
        "machine": machine.public_id,
        "token": token,
        "signing_key": public_key_base64(),
    }


def _pending(request: HttpRequest | Request, started: enrolment.StartedEnrolment) -> dict[str, object]:
    page = f"{reverse('machines:add')}?{urlencode({'code': started.code})}"
    return {
        "state": "pending",
        "enrolment": started.row.public_id,
        "code": started.code,
        "poll_token": started.poll_token,
        "expires_at": facts.time_text(started.row.expires_at),
        "interval_s": POLL_INTERVAL_S,
        "approve_url": portal_address(request, page),
    }
