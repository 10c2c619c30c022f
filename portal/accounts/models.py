"""People: they sign in by e-mail and hold one role."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal.accounts.token_models import ApiToken, Scope, TokenKind
from portal.common import clock
from portal.common.ids import new_public_id

__all__ = ["ApiToken", "Role", "Scope", "TokenKind", "User", "UserManager", "new_user_id"]


def new_user_id() -> str:
    return new_public_id("u")


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    POLICY_ADMIN = "policy_admin", _("Policy admin")
    TEAM_LEAD = "team_lead", _("Team lead")
    DEVELOPER = "developer", _("Developer")
    AUDITOR = "auditor", _("Auditor")


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, *, email: str, name: str, password: str | None, role: str = Role.DEVELOPER, **more: Any
    ) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), name=name, role=role, **more)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Addresses are stored in lower case; people type them as they like."""
        return self.get(email=(username or "").strip().lower())

    def owners(self) -> "models.QuerySet[User]":
        """Those who can sign in: one of them must always be there."""
        return self.filter(is_active=True, role=Role.OWNER)

    def find_open(self, pk: int) -> "User | None":
        """None when the account is closed; else closing it waits for the end of the transaction."""
        # NO KEY: who writes what names a person, an audit entry say, need not wait.
        return self.select_for_update(no_key=True).filter(pk=pk, is_active=True).first()


class User(AbstractBaseUser):
    public_id = models.CharField(max_length=24, unique=True, editable=False, default=new_user_id)
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.DEVELOPER)
    language = models.CharField(_("language"), max_length=5, default="en")
    # False: the account is closed.
    is_active = models.BooleanField(default=True)
    # Raised when the account is closed, so that no session of before comes back when it is opened again.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_without_case"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_owner(self) -> bool:
        """May invite people and give roles."""
        return self.role == Role.OWNER

    @property
    def is_admin(self) -> bool:
        """May write policy and approve machines of others."""
        return self.role in (Role.OWNER, Role.POLICY_ADMIN)

    @property
    def can_read_all(self) -> bool:
        """Sees every machine and decision of the team, not only their own."""
        return self.role in (Role.OWNER, Role.POLICY_ADMIN, Role.AUDITOR)

    def get_session_auth_hash(self) -> str:
        told = super().get_session_auth_hash()
        return f"{told}-{self.session_epoch}" if self.session_epoch else told

    def remember_language(self, language: str) -> None:
        self.language = language
        self.save(update_fields=["language"])


class SignInFailure(models.Model):
    """Kept for minutes only; see `portal.accounts.sign_in_limit`."""

    email = models.CharField(max_length=254)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["address", "at"], name="sign_in_failure_by_address")]

    def __str__(self) -> str:
        return f"{self.email} from {self.address}"


class Invitation(models.Model):
    """A person who was asked to join and has not set a password yet, or to set another one.

    The link is kept as a digest only.
    """

    digest = models.CharField(max_length=64, unique=True)
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.DEVELOPER)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    # Who has an account already, and forgot the password.
    person = models.OneToOneField(User, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        ordering: ClassVar = ["email"]

    def __str__(self) -> str:
        return self.email
