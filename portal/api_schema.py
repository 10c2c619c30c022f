"""OpenAPI of the REST API, for everybody: it holds shapes, no data."""

from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny


class SchemaView(SpectacularAPIView):
    permission_classes = [AllowAny]  # noqa: RUF012 - declared by DRF
    renderer_classes = [OpenApiJsonRenderer]  # noqa: RUF012
