"""The first run: a one-time token, then the first owner and the team's answer to the NDA question."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from portal.accounts.models import Role, User
from portal.audit.services import record
from portal.common import clock
from portal.setup.models import SetupToken
from routing.services import publish_revision

TOKEN_LIFETIME = timedelta(hours=1)


class SetupClosed(Exception):  # noqa: N818 - it tells a state
    """The token is unknown, used or too old, or somebody has set the portal up already."""


@dataclass(frozen=True)
class FirstRun:
    name: str
    email: str
    password: str | None
    language: str
    organisation: str
    time_zone: str
    has_nda: bool
    # Patterns of remotes such as `github.com/acme/**`; they only mean something under NDA.
    open_remotes: tuple[str, ...]


def needs_setup() -> bool:
    return not User.objects.exists()


def issue_setup_token() -> str:
    """A new token; older ones stop working. Shown once, stored as a digest."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        SetupToken.objects.all().delete()
        SetupToken.objects.create(digest=_digest(token), expires_at=clock.now() + TOKEN_LIFETIME)
    return token


def is_valid_setup_token(token: str) -> bool:
    return needs_setup() and _find_token(token) is not None


@transaction.atomic
def complete_setup(token: str, *, first_run: FirstRun) -> User:
    """Makes the owner and publishes the first answer to the NDA question. Raises SetupClosed; the token is used up."""
    found = _find_token(token)
    if found is None or not needs_setup():
        raise SetupClosed
    found.delete()
    owner = User.objects.create_user(
        email=first_run.email,
        name=first_run.name,
        password=first_run.password,
        role=Role.OWNER,
        language=first_run.language,
    )
    record(by=owner, action="portal.set_up", subject=owner, data={"has_nda": first_run.has_nda})
    publish_revision(document=first_policy(first_run), by=owner, note="set-up")
    return owner


def first_policy(first_run: FirstRun) -> dict[str, Any]:
    """The policy document that the answers stand for; what it leaves out has its shipped value."""
    identified = "local_only" if first_run.has_nda else "cloud_ok"
    document: dict[str, Any] = {
        "version": 1,
        "organisation": {"name": first_run.organisation, "time_zone": first_run.time_zone},
        "unclassified": {"identified": identified, "anonymous": "local_only"},
    }
    if first_run.has_nda and first_run.open_remotes:
        document["privacy_rules"] = [_open_rule(first_run.open_remotes)]
    return document


def _open_rule(remotes: tuple[str, ...]) -> dict[str, object]:
    return {
        "id": "open-organisations",
        "name": {"en": "Our own open organisations", "ja": "公開可の自社リポジトリ"},
        "effect": "cloud_ok",
        "match": {"remotes": list(remotes)},
        "reason": {"en": "Not under NDA, said at set-up", "ja": "初期設定でNDAの対象外と回答"},
    }


def _find_token(token: str) -> SetupToken | None:
    return SetupToken.objects.filter(digest=_digest(token), expires_at__gt=clock.now()).first()


def _digest(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
