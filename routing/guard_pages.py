"""The page about the guard, and the settings file that it offers."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from routing.managed_settings import managed_settings
from routing.publishing import load_bundle


@require_GET
def guard(request: HttpRequest) -> HttpResponse:
    bundle = load_bundle().bundle
    settings = managed_settings(bundle.policy, has_denials=False)
    context = {"settings": json.dumps(settings, indent=2, ensure_ascii=False), "revision": bundle.revision}
    return render(request, "routing/guard.html", context)


@require_GET
def managed_settings_file(request: HttpRequest) -> HttpResponse:
    settings = managed_settings(load_bundle().bundle.policy, has_denials="denials" in request.GET)
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    headers = {"Content-Disposition": 'attachment; filename="50-kirikae.json"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="application/json", headers=headers)
