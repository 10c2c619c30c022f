"""REST API of routing: the signed bundle. Bearer tokens only; cookies count for nothing."""

from typing import Any

from django.utils.cache import get_conditional_response
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from routing.services import load_bundle


class BundleView(APIView):
    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope("machine", "read"),)

    def get(self, request: Request) -> Any:
        """The policy in force, signed. With `If-None-Match` an unchanged one costs a 304."""
        signed = load_bundle()
        etag = f'"{signed.etag}"'
        body = {"key_id": signed.key_id, "payload": signed.payload.decode(), "signature": signed.signature}
        response = Response(body, headers={"ETag": etag, "Cache-Control": "no-cache", "Vary": "Authorization"})
        is_unchanged = "If-None-Match" in request.headers
        return get_conditional_response(request._request, etag=etag, response=response) if is_unchanged else response
