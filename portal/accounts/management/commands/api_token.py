"""`api_token`: make a token for a program that is no machine, and print it alone."""

from argparse import ArgumentParser

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.accounts.token_models import Scope
from portal.accounts.tokens import SERVICE_SCOPES, issue_service_token
from portal.audit.services import OPERATOR
from portal.common.arguments import text_up_to
from portal.common.operator_commands import OperatorCommand


class Command(OperatorCommand):
    help = gettext_noop("Make a service token and print it. It is shown this once; it expires after a year.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", type=text_up_to(100), required=True, help=_("what the token is for"))
        parser.add_argument(
            "--scope", required=True, choices=[str(scope) for scope in SERVICE_SCOPES], help=_("what it may do")
        )

    def handle(self, *, name: str, scope: str, **options: object) -> str:
        return issue_service_token(name=name, scope=Scope(scope), by=None, actor=OPERATOR).text
