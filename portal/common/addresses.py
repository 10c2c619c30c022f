"""Addresses of the portal as people and agents outside of it must write them."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def portal_address(request: HttpRequest | Request, path: str = "") -> str:
    """From KIRIKAE_BASE_URL when it is set; else as the caller reached the portal."""
    base = settings.BASE_URL or request.build_absolute_uri("/").rstrip("/")
    return f"{base}{path}"
