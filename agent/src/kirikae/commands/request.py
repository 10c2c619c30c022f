"""`kirikae request classify|exception`: asks the portal's admins about the project in this folder."""

from __future__ import annotations

from kirikae.arguments import Arguments
from kirikae.home import Home
from kirikae.portal.client import PortalClient
from kirikae.portal.own_requests import keep_request
from kirikae.signals.projects import collect_projects, working_directory
from kirikae.texts import say

PATH = "/api/v1/requests"


def execute(arguments: Arguments, home: Home) -> int:
    document = {
        "kind": arguments.kind,
        "reason": arguments.reason,
        "projects": collect_projects(home, [working_directory()]),
    }
    # What is not kept here would be asked for again, and its answer told to nobody.
    home.prove_writable()
    with PortalClient.of_this_machine(home) as client:
        answer = client.post(PATH, document)
        keep_request(home, working_directory().resolve(), answer)
    print(say("request.sent", id=answer.get("id"), url=home.get_enrolment().portal_url))
    return 0
