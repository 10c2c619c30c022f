"""The decision log and the projects seen in it, over the API, for tokens that may read: what an auditor's pages show.

Requests are not told whole: as on the page, what a project is called is there, but none of its other signals.
"""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from machines.serializers import MachineNameSerializer
from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from portal.accounts.models import Scope
from portal.accounts.serializers import PersonSerializer
from portal.common.api_query import MomentField, NoParameters, OneOf, PageParameters, read_query
from portal.common.pagination import answer_page, answer_page_of_names, page_of
from routing.api_schema import AnswerSerializer, CheckSerializer, LaunchedSerializer
from routing.engine.effects import Classification, Effect
from routing.log_filter import LogFilter
from routing.models import Decision, Receipt
from routing.projects import SeenProject, list_all_projects
from routing.queries import get_any_decision, list_all_decisions
from routing.receipts import BACKENDS
from routing.wording import language_of_reader, localised

CLASSES = [str(one) for one in Classification]
EFFECTS = [str(one) for one in Effect]


class LogParameters(PageParameters):
    backend = OneOf(list(BACKENDS), required=False)
    task = s.CharField(required=False, max_length=64)
    machine = s.CharField(required=False, max_length=24, help_text="The id of a Mac.")
    remote = s.CharField(required=False, max_length=200, help_text="Part of a repository's host and path.")
    rule = s.CharField(
        required=False, max_length=64, help_text="The code of a privacy rule or an exception that applied."
    )
    classification = OneOf(CLASSES, required=False)
    since = MomentField(required=False, help_text="This moment and later.")
    until = MomentField(required=False, help_text="Before this moment.")


class ProjectParameters(PageParameters):
    classification = OneOf(CLASSES, required=False)


class LogRowSerializer(s.ModelSerializer[Decision]):
    machine = MachineNameSerializer(allow_null=True)
    asked_by = PersonSerializer(allow_null=True, help_text="Null when a program asked.")
    backend = s.ChoiceField(list(BACKENDS))
    effect = s.ChoiceField(EFFECTS)
    classification = s.ChoiceField(CLASSES)
    rules = s.SerializerMethodField()
    remotes = s.ListField(child=s.CharField(), source="remote_list")
    model = s.SerializerMethodField()
    decided_by = s.ChoiceField(Decision.DecidedBy.values)
    recheck = s.ChoiceField(Decision.Recheck.values, help_text="What came of deciding an agent's decision again here.")
    launched = s.SerializerMethodField()

    class Meta:
        model = Decision
        fields = (
            "id", "at", "task", "backend", "effect", "classification", "rules", "remotes", "machine", "asked_by",
            "model", "decided_by", "revision", "recheck", "launched",
        )  # fmt: skip

    def get_rules(self, decision: Decision) -> list[str]:
        return [str(code) for code in decision.answer["privacy"].get("rules") or ()]

    def get_model(self, decision: Decision) -> str | None:
        return (decision.answer.get("model") or {}).get("name")

    @extend_schema_field(s.ChoiceField(["same", "differs"], allow_null=True))
    def get_launched(self, decision: Decision) -> str | None:
        if not decision.receipts.all():
            return None
        return "differs" if decision.has_mismatch else "same"


class LogReceiptSerializer(s.ModelSerializer[Receipt]):
    kind = s.ChoiceField(Receipt.Kind.values)
    launched = LaunchedSerializer(allow_null=True)
    exit = s.IntegerField(source="exit_code", allow_null=True)
    preflight = CheckSerializer(many=True)
    differs = s.BooleanField(source="is_mismatch")

    class Meta:
        model = Receipt
        fields = ("kind", "at", "received_at", "launched", "exit", "preflight", "guard", "differs")


class LogDecisionSerializer(LogRowSerializer):
    client = s.SerializerMethodField()
    answer = s.SerializerMethodField(help_text="As it was given; each text in the language that is asked for now.")
    receipts = LogReceiptSerializer(many=True)

    class Meta(LogRowSerializer.Meta):
        fields = (*LogRowSerializer.Meta.fields, "client", "answer", "receipts")  # type: ignore[assignment] # longer tuple

    def get_client(self, decision: Decision) -> str | None:
        return (decision.request.get("client") or {}).get("name")

    @extend_schema_field(AnswerSerializer)
    def get_answer(self, decision: Decision) -> dict[str, Any]:
        return localised(decision.answer, language_of_reader())


class CountsSerializer(s.Serializer[object]):
    local = s.IntegerField()
    cloud = s.IntegerField()
    none = s.IntegerField()


class SeenProjectSerializer(s.Serializer[SeenProject]):
    remote = s.CharField(source="seen.remote", help_text="Host and path. Empty: all projects without a remote.")
    classification = s.ChoiceField(CLASSES)
    effect = s.ChoiceField(EFFECTS)
    rules = s.ListField(child=s.CharField(), help_text="Rules and exceptions in force that say so.")
    decisions = s.IntegerField(source="seen.decisions")
    by_backend = CountsSerializer(source="seen.counts")
    last_at = s.DateTimeField(source="seen.last_at")


def answer_log(request: Request) -> Response:
    """One page of the log. Two queries: the rows and their receipts."""
    asked = read_query(LogParameters, request)
    wanted = LogFilter(**{name: value for name, value in asked.items() if name not in PageParameters().fields})
    rows = list_all_decisions().matching(wanted).defer("request")
    return answer_page(request, rows, asked=asked, order="-at", shape=LogRowSerializer)


class LogReadView(APIView):
    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope(Scope.READ),)


class DecisionView(LogReadView):
    @extend_schema(operation_id="get_decision", responses=LogDecisionSerializer)
    def get(self, request: Request, decision_id: Any) -> Response:
        """One decision with its whole answer and what was launched."""
        read_query(NoParameters, request)
        headers = {"Cache-Control": "no-store", "Vary": "Accept-Language, Authorization"}
        return Response(LogDecisionSerializer(get_any_decision(decision_id)).data, headers=headers)


class ProjectsView(LogReadView):
    @extend_schema(
        operation_id="list_projects", parameters=[ProjectParameters], responses=page_of(SeenProjectSerializer)
    )
    def get(self, request: Request) -> Response:
        """The repositories that decisions were about, by name, with the class that the policy in force gives them."""
        asked = read_query(ProjectParameters, request)
        found = list_all_projects(now=timezone.now(), classification=asked.get("classification"))
        return answer_page_of_names(
            request, found, asked=asked, name=lambda one: one.seen.remote, shape=SeenProjectSerializer
        )
