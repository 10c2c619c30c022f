"""The page that `docs` of every API error leads to: each code with what it means and what to do. For everybody."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.common.problem_texts import list_sections


@require_GET
@login_not_required
def problems(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/problems.html", {"sections": list_sections()})
