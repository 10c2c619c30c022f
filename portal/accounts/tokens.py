"""Issuing, verifying and revoking bearer tokens: `kind_id_secret`, the secret kept only as HMAC-SHA256."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from portal.accounts.models import User
from portal.accounts.token_models import ApiToken, Scope, TokenKind
from portal.audit.services import record
from portal.common import clock
from portal.common.ids import ALPHABET
from portal.common.problems import Problem

SERVICE_SCOPES = (Scope.DECIDE, Scope.READ, Scope.POLICY, Scope.ADMIN)
SERVICE_LIFETIME = timedelta(days=365)
# A write per request would make every read a write; a minute is exact enough to find unused tokens.
LAST_USED_EVERY = timedelta(minutes=1)

_SHAPE = re.compile(r"(kmt|kst|kjk)_([0-9a-hjkmnp-tv-z]{12})_([A-Za-z0-9_-]{43})")
# Compared when the id is unknown, so that it costs what a known one costs.
_NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class IssuedToken:
    row: ApiToken
    text: str


def pepper_id(pepper: str) -> str:
    """Names a pepper without telling it, so that peppers may be reordered and dropped."""
    return hashlib.sha256(b"kirikae pepper\0" + pepper.encode()).hexdigest()[:8]


def digest_of(secret: str, *, pepper: str) -> str:
    return hmac.new(pepper.encode(), secret.encode(), hashlib.sha256).hexdigest()


def issue_token(
    *,
    kind: TokenKind,
    scope: Scope,
    name: str,
    expires_at: datetime,
    created_by: User | None = None,
    replaces: ApiToken | None = None,
) -> IssuedToken:
    """The text is shown once and cannot be had again. Callers write the audit entry."""
    secret = secrets.token_urlsafe(32)
    pepper = settings.TOKEN_PEPPERS[0]
    row = ApiToken.objects.create(
        public_id="".join(secrets.choice(ALPHABET) for _ in range(12)),
        kind=kind,
        name=name,
        scope=scope,
        digest=digest_of(secret, pepper=pepper),
        pepper_id=pepper_id(pepper),
        created_at=clock.now(),
        created_by=created_by,
        expires_at=expires_at,
        replaces=replaces,
    )
    return IssuedToken(row=row, text=f"{row.kind}_{row.public_id}_{secret}")


@transaction.atomic
def issue_service_token(
    *, name: str, scope: Scope, by: User | None, actor: str = "", lifetime: timedelta = SERVICE_LIFETIME
) -> IssuedToken:
    issued = issue_token(
        kind=TokenKind.SERVICE, scope=scope, name=name, expires_at=clock.now() + lifetime, created_by=by
    )
    record(by=by, actor=actor, action="token.issued", subject=issued.row, data={"name": name, "scope": str(scope)})
    return issued


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User | None, actor: str = "") -> None:
    """Takes effect with the next request: every verification reads the row."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now()):
        record(by=by, actor=actor, action="token.revoked", subject=token, data={"name": token.name})


def revoke_tokens_made_by(person: User, *, by: User) -> None:
    """Whoever made a token has seen its secret."""
    for token in ApiToken.objects.filter(created_by=person, revoked_at=None):
        revoke_token(token=token, by=by)


def verify_token(text: str, *, kinds: frozenset[TokenKind]) -> ApiToken:
    """One query, and at most once a minute one write (`last_used_at`).

    Raises Problem 401: `token.unknown`, `token.expired` or `token.revoked`. Expiry and revocation are
    told only to those who hold the secret.
    """
    kind, public_id, secret = split_token(text)
    found = ApiToken.objects.filter(public_id=public_id, kind=kind).first()
    now = clock.now()
    row = check_token(found, secret, kinds=kinds, now=now)
    # When a machine was last there is told by its health row, and a write with each heartbeat would double its cost.
    if row.kind != TokenKind.MACHINE:
        _note_use(row, now)
    return row


def split_token(text: str) -> tuple[str, str, str]:
    """Kind, id and secret; three empty texts for what is no token."""
    shape = _SHAPE.fullmatch(text)
    return (shape[1], shape[2], shape[3]) if shape else ("", "", "")


def check_token(row: ApiToken | None, secret: str, *, kinds: frozenset[TokenKind], now: datetime) -> ApiToken:
    """As `verify_token`, for a row that was fetched already. No query."""
    if not _holds_secret(row, secret) or row is None or row.kind not in kinds:
        raise refuse("token.unknown", "This token is not known here. Check it, or ask an admin for a new one.")
    if row.revoked_at is not None:
        raise refuse("token.revoked", "This token was revoked. Enrol again, or ask an admin for a new one.")
    if not row.is_usable(now):
        raise refuse("token.expired", f"This token expired at {row.expires_at:%Y-%m-%dT%H:%M:%SZ}.")
    return row


def refuse(code: str, detail: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


def extend_token(token: ApiToken, *, until: datetime) -> None:
    """Only forward, and never a revoked one."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None, expires_at__lt=until).update(expires_at=until)


def _holds_secret(row: ApiToken | None, secret: str) -> bool:
    peppers: dict[str, str] = {pepper_id(pepper): pepper for pepper in settings.TOKEN_PEPPERS}
    newest = settings.TOKEN_PEPPERS[0]
    pepper = peppers.get(row.pepper_id) if row else None
    expected = row.digest if row and pepper else _NO_DIGEST
    return hmac.compare_digest(digest_of(secret, pepper=pepper or newest), expected)


def _note_use(row: ApiToken, now: datetime) -> None:
    before = now - LAST_USED_EVERY
    if row.last_used_at is not None and row.last_used_at > before:
        return
    unused = Q(last_used_at=None) | Q(last_used_at__lte=before)
    ApiToken.objects.filter(unused, pk=row.pk).update(last_used_at=now)
