"""Rows of bearer tokens. The secret is never stored: only its HMAC, made in `portal.accounts.tokens`."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class TokenKind(models.TextChoices):
    """The value is the first part of the token, so that a leaked one is recognised at sight."""

    MACHINE = "kmt", _("Machine")
    SERVICE = "kst", _("Service")
    JOIN_KEY = "kjk", _("Join key")


class Scope(models.TextChoices):
    DECIDE = "decide", _("Ask for decisions")
    READ = "read", _("Read everything")
    POLICY = "policy", _("Publish policy")
    ADMIN = "admin", _("Everything")
    MACHINE = "machine", _("Write for one machine")
    JOIN = "join", _("Enrol machines")


# What a scope brings with it; a machine asks for itself, so its token may also decide.
_INCLUDED: dict[str, frozenset[str]] = {
    Scope.POLICY: frozenset({Scope.POLICY, Scope.READ}),
    Scope.ADMIN: frozenset({Scope.ADMIN, Scope.POLICY, Scope.READ, Scope.DECIDE}),
    Scope.MACHINE: frozenset({Scope.MACHINE, Scope.DECIDE}),
}


class ApiToken(models.Model):
    public_id = models.CharField(max_length=12, unique=True, editable=False)
    kind = models.CharField(max_length=3, choices=TokenKind)
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=10, choices=Scope)
    digest = models.CharField(max_length=64, editable=False)
    # Which pepper made the digest; see `tokens.pepper_id`.
    pepper_id = models.CharField(max_length=8, editable=False)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    # The token that this one takes over from; both hold until this one was used.
    replaces = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="successors")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=TokenKind.values), name="api_token_kind_known"),
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="api_token_scope_known"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="api_token_expires_after_creation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}_{self.public_id} ({self.name})"

    @property
    def scopes(self) -> frozenset[str]:
        return _INCLUDED.get(self.scope, frozenset({self.scope}))

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at
