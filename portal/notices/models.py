"""The outbox: what happened, to whom it goes by which channel, and what each person chose."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.common import clock
from portal.common.ids import new_public_id


def new_delivery_id() -> str:
    return new_public_id("d")


def new_destination_id() -> str:
    return new_public_id("w")


class Channel(models.TextChoices):
    MAIL = "mail", _("Mail")
    SLACK = "slack", _("Slack-compatible webhook")
    WEBHOOK = "webhook", _("Signed webhook")


class Notice(models.Model):
    """Something that happened. Words are made when it is sent, in the language of who receives it."""

    kind = models.CharField(max_length=40)
    # Telling of the same thing again, in another try of the caller's transaction, writes nothing.
    key = models.CharField(max_length=200, unique=True)
    # Public id of the thing.
    subject = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]

    def __str__(self) -> str:
        return self.key


class Destination(models.Model):
    """A webhook that an admin entered. The address is a secret as well: whoever knows it can post there."""

    public_id = models.CharField(max_length=24, unique=True, editable=False, default=new_destination_id)
    channel = models.CharField(max_length=10, choices=[choice for choice in Channel.choices if choice[0] != "mail"])
    name = models.CharField(_("name"), max_length=80)
    # Shown instead of the address.
    host = models.CharField(max_length=253)
    sealed_url = models.TextField()
    # Signs a generic webhook; empty for Slack, which takes no signature.
    sealed_secret = models.TextField(blank=True, default="")
    # Null: the team's; else one person's, who chooses what comes there.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="destinations"
    )
    language = models.CharField(_("language"), max_length=5, default="en")
    kinds = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(channel__in=["slack", "webhook"]), name="destination_channel_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def receiver_language(self) -> str:
        return self.person.language if self.person else self.language


class Choice(models.Model):
    """What one person wants to be told of. No row: everything, by mail, at any hour."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_choice", primary_key=True
    )
    # Kinds that were switched off: a kind that comes with a new version is on.
    muted_by_mail = models.JSONField(default=list)
    quiet_from = models.TimeField(null=True)
    quiet_to = models.TimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="quiet_hours_have_both_ends",
            ),
        ]

    def __str__(self) -> str:
        return str(self.person)


class Delivery(models.Model):
    """One notice on its way to one receiver."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        DEAD = "dead", _("Given up")
        WITHDRAWN = "withdrawn", _("No longer needed")

    public_id = models.CharField(max_length=24, unique=True, editable=False, default=new_delivery_id)
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="deliveries")
    destination = models.ForeignKey(Destination, null=True, on_delete=models.CASCADE, related_name="deliveries")
    # Goes along with every try, so that a receiver that got it twice can tell.
    key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    # Somebody is sending it until then; a sender that died lets go by time.
    claimed_until = models.DateTimeField(null=True)
    # Code of the last failure; see docs/notices.md.
    reason = models.CharField(max_length=40, default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(fields=["state", "due_at"], name="delivery_by_state_and_due")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="delivery_channel_known"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sent", "dead", "withdrawn"]), name="delivery_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True) | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="delivery_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(channel="mail", person__isnull=False, destination__isnull=True)
                | (~Q(channel="mail") & Q(destination__isnull=False)),
                name="delivery_has_its_receiver",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def receiver(self) -> str:
        return self.destination.name if self.destination else str(self.person)

    @property
    def language(self) -> str:
        if self.destination:
            return self.destination.receiver_language
        return self.person.language if self.person else settings.LANGUAGE_CODE

    @property
    def mail_address(self) -> str:
        return self.person.email if self.person else ""
