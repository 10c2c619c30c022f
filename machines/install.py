"""What a new Mac fetches: the install script and the agent itself, with nothing but the portal's address in them."""

import shlex
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from machines.agent_wheel import AgentWheel, get_agent_wheel
from portal.common.addresses import portal_address

SCRIPT = Path(__file__).with_name("data") / "install.sh"


@login_not_required
@require_safe
def show_script(request: HttpRequest) -> HttpResponse:
    wheel = _find_wheel()
    values = {"@PORTAL@": portal_address(request), "@WHEEL@": wheel.name, "@SHA256@": wheel.sha256}
    script = SCRIPT.read_text(encoding="utf-8")
    for name, value in values.items():
        script = script.replace(name, shlex.quote(value), 1)
    return HttpResponse(script, content_type="text/x-shellscript; charset=utf-8")


@login_not_required
@require_safe
def send_wheel(request: HttpRequest, name: str) -> HttpResponse:
    wheel = _find_wheel()
    if name != wheel.name:
        raise Http404
    return HttpResponse(wheel.content, content_type="application/zip")


def describe_install(request: HttpRequest) -> dict[str, str]:
    """What the page "Add a Mac" shows. pipx compares the checksum in an address."""
    wheel = _find_wheel()
    address = portal_address(request, reverse("machines:install-wheel", args=[wheel.name]))
    requirement = shlex.quote(f"kirikae @ {address}#sha256={wheel.sha256}")
    script = portal_address(request, reverse("machines:install-script"))
    return {
        "install_line": f"curl -fsS {script} | sh",
        # uv does not compare a checksum in an address, and would take a system's Python that is too old.
        "uv_line": f"curl -fsSO {shlex.quote(address)} && echo '{wheel.sha256}  {wheel.name}' | shasum -a 256 -c "
        f"&& uv tool install --python '>=3.12' ./{wheel.name}",
        "pipx_line": f"pipx install {requirement}",
        "enrol_line": f"kirikae enrol {portal_address(request)}",
        "wheel_name": wheel.name,
        "wheel_sha256": wheel.sha256,
    }


def _find_wheel() -> AgentWheel:
    """A portal that was started without the agent's sources has none to give."""
    try:
        return get_agent_wheel()
    except OSError as error:
        raise Http404 from error
