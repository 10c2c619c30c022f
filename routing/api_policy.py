"""The policy over the API: what is in force and what was, for tokens that may read. Publishing is not done here."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers as s
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from portal.accounts.models import Scope
from portal.common.api_query import NoParameters, PageParameters, read_query
from portal.common.pagination import answer_page, page_of
from portal.common.yaml_files import write_yaml
from routing.models import PolicyRevision
from routing.publishing import load_revision
from routing.revisions import changes_of, get_revision, list_revisions

YAML = "application/yaml"


class PublisherSerializer(s.Serializer[PolicyRevision]):
    id = s.CharField(source="by.public_id", default=None, allow_null=True, help_text="Null: no person of the portal.")
    name = s.SerializerMethodField()

    def get_name(self, revision: PolicyRevision) -> str:
        return revision.by.name if revision.by else revision.actor


class RevisionSerializer(s.Serializer[PolicyRevision]):
    number = s.IntegerField()
    epoch = s.IntegerField(help_text="Rises when a backup is restored: a number may then stand for another policy.")
    digest = s.CharField(help_text="SHA-256 of the policy's canonical JSON.")
    published_at = s.DateTimeField(source="at")
    published_by = PublisherSerializer(source="*")
    note = s.CharField()


class ChangesSerializer(s.Serializer[object]):
    rules_added = s.ListField(child=s.CharField(), source="added")
    rules_removed = s.ListField(child=s.CharField(), source="removed")
    rules_changed = s.ListField(child=s.CharField(), source="changed")
    sections_changed = s.ListField(child=s.CharField(), source="sections")


class PolicySerializer(RevisionSerializer):
    changes = s.SerializerMethodField(help_text="Of the revision before.")
    policy = s.DictField(source="parsed", help_text="As the policy file has it.")

    @extend_schema_field(ChangesSerializer)
    def get_changes(self, revision: PolicyRevision) -> Any:
        return ChangesSerializer(changes_of(revision)).data


class PolicyFileRenderer(BaseRenderer):
    """What `manage.py policy export` writes."""

    media_type = YAML
    format = "yaml"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        return write_yaml(data["policy"])


POLICY_RESPONSES = {
    (200, "application/json"): PolicySerializer,
    (200, YAML): OpenApiResponse(OpenApiTypes.STR, description="The policy file alone, as it can be imported."),
    304: OpenApiResponse(description="Unchanged since the ETag of If-None-Match."),
}


class PolicyReadView(APIView):
    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope(Scope.READ),)


class DocumentView(PolicyReadView):
    renderer_classes = (JSONRenderer, PolicyFileRenderer)

    def answer(self, request: Request, revision: PolicyRevision) -> Any:
        """A revision never changes, so its digest and the form asked for are its ETag."""
        etag = f'"r{revision.number}-{revision.epoch}-{revision.digest[:32]}-{request.accepted_renderer.format}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
        if "If-None-Match" in request.headers:
            bare = HttpResponse(headers=headers)
            unchanged = get_conditional_response(request._request, etag=etag, response=bare)
            if unchanged is not bare:
                return unchanged
        return Response(PolicySerializer(revision).data, headers=headers)


class PolicyView(DocumentView):
    @extend_schema(operation_id="get_policy", responses=POLICY_RESPONSES)
    def get(self, request: Request) -> Any:
        """The revision in force, with the whole policy."""
        read_query(NoParameters, request)
        return self.answer(request, load_revision())


class RevisionView(DocumentView):
    @extend_schema(operation_id="get_policy_revision", responses=POLICY_RESPONSES)
    def get(self, request: Request, number: int) -> Any:
        """One revision, in force or not, with the whole policy."""
        read_query(NoParameters, request)
        return self.answer(request, get_revision(number))


class RevisionsView(PolicyReadView):
    @extend_schema(
        operation_id="list_policy_revisions", parameters=[PageParameters], responses=page_of(RevisionSerializer)
    )
    def get(self, request: Request) -> Response:
        """All that were published, newest first, without their content."""
        asked = read_query(PageParameters, request)
        return answer_page(request, list_revisions(), asked=asked, order="-number", shape=RevisionSerializer)
