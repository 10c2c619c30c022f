"""Bearer tokens for the REST API: who asks, and with which scope. Cookies never authenticate the API."""

from collections.abc import Collection

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from portal.accounts.token_models import ApiToken, TokenKind
from portal.accounts.tokens import refuse, verify_token
from portal.common.problems import Problem

# A join key is presented in the body of an enrolment, never as a bearer.
BEARER_KINDS = frozenset({TokenKind.MACHINE, TokenKind.SERVICE})


class BearerTokenAuthentication(BaseAuthentication):
    """Sets `request.auth` to the ApiToken; `request.user` stays None, for a token is no person."""

    def authenticate(self, request: Request) -> tuple[None, ApiToken]:
        words = get_authorization_header(request).split()
        if len(words) != 2 or words[0].lower() != b"bearer":
            raise refuse("token.missing", "Send the header 'Authorization: Bearer TOKEN'.")
        # Every byte is a character of Latin-1; what is no token text fails as unknown.
        return None, verify_token(words[1].decode("latin-1"), kinds=BEARER_KINDS)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ScopePermission(BasePermission):
    any_of: frozenset[str] = frozenset()
    reading: frozenset[str] = frozenset()

    def has_permission(self, request: Request, view: APIView) -> bool:
        token = request.auth
        wanted = self.reading if request.method in SAFE_METHODS else self.any_of
        if isinstance(token, ApiToken) and token.scopes & wanted:
            return True
        words = " or ".join(sorted(wanted))
        raise Problem(403, "token.scope_missing", f"This needs a token with the scope {words}.")


def HasScope(  # noqa: N802 - reads as the permission class that it makes
    *any_of: str, reading: Collection[str] | None = None
) -> type[ScopePermission]:
    """`reading` is for a route that others may read than write to."""
    scopes = {"any_of": frozenset(any_of), "reading": frozenset(any_of if reading is None else reading)}
    return type("HasScope", (ScopePermission,), scopes)


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself by metaclass
    target_class = BearerTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
