"""The audit log over the API, for tokens with the scope of an admin alone."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from portal.accounts.models import Scope
from portal.accounts.serializers import PersonSerializer
from portal.audit.models import AuditEntry
from portal.audit.queries import AuditFilter, list_entries
from portal.common.api_query import MomentField, PageParameters, read_query
from portal.common.pagination import answer_page, page_of


class AuditParameters(PageParameters):
    action = serializers.CharField(required=False, max_length=60, help_text="Such as revision.published.")
    subject = serializers.CharField(required=False, max_length=64, help_text="The id of what was changed.")
    since = MomentField(required=False, help_text="This moment and later.")
    until = MomentField(required=False, help_text="Before this moment.")


class SubjectSerializer(serializers.Serializer[AuditEntry]):
    kind = serializers.CharField(source="subject_kind")
    id = serializers.CharField(source="subject_id")


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    by = PersonSerializer(allow_null=True)
    actor = serializers.CharField(help_text="Who acted, in words: an address, a Mac, the operator, the portal.")
    subject = SubjectSerializer(source="*")
    data = serializers.DictField()  # type: ignore[assignment] # a field of the answer, taken from the class by its metaclass

    class Meta:
        model = AuditEntry
        fields = ("at", "action", "by", "actor", "subject", "data")


class AuditView(APIView):
    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope(Scope.ADMIN),)

    @extend_schema(operation_id="list_audit", parameters=[AuditParameters], responses=page_of(AuditEntrySerializer))
    def get(self, request: Request) -> Response:
        """What was changed, by whom, newest first."""
        asked = read_query(AuditParameters, request)
        wanted = AuditFilter(**{name: asked[name] for name in AuditFilter.__annotations__ if name in asked})
        return answer_page(request, list_entries(wanted), asked=asked, order="-at", shape=AuditEntrySerializer)
