"""Macs and what they report: runtimes, installed models, benchmarks; and how they enrol."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from machines.catalogue.choices import SetAside
from machines.catalogue.models import CatalogueChange, CatalogueText
from machines.health.choices import MachineState
from machines.health.models import Availability, FleetSample, Health, PollTarget, StateChange, Watch
from portal.accounts.models import ApiToken, User
from portal.common.ids import new_public_id
from routing.engine import facts
from routing.engine.fit.memory import gpu_limit

# Django finds the models of subpackages through this module.
__all__ = [
    "Availability",
    "CatalogueChange",
    "CatalogueText",
    "FleetSample",
    "Health",
    "PollTarget",
    "StateChange",
    "Watch",
]

TEXT_LENGTH = 300
CLOCK_TOLERANCE = timedelta(seconds=120)


def new_machine_id() -> str:
    return new_public_id("m")


def new_enrolment_id() -> str:
    return new_public_id("e")


class RuntimeKind(models.TextChoices):
    OLLAMA = "ollama", "Ollama"
    LM_STUDIO = "lm_studio", "LM Studio"
    LLAMA_CPP = "llama_cpp", "llama.cpp"
    MLX_LM = "mlx_lm", "MLX LM"
    OMLX = "omlx", "oMLX"
    OPENAI_COMPATIBLE = "openai_compatible", _("OpenAI-compatible")


class RuntimeState(models.TextChoices):
    UP = "up", _("Up")
    LOADING = "loading", _("Loading")
    BROKEN = "broken", _("Broken")
    DOWN = "down", _("Down")


class BrokenReason(models.TextChoices):
    GARBAGE = "garbage", _("The answer is no runtime's answer")
    TIMEOUT = "timeout", _("No whole answer in time")
    TOO_LARGE = "too_large", _("The answer is too large")
    HTTP_ERROR = "http_error", _("Answers with an HTTP error")
    REFUSED = "refused", _("Refuses connections")
    REDIRECTED = "redirected", _("Redirects to another address")


class MachineQuerySet(models.QuerySet["Machine"]):
    def visible_to(self, user: User) -> "MachineQuerySet":
        return self if user.can_read_all else self.filter(owner=user)

    def in_use_by(self, person: User) -> "MachineQuerySet":
        return self.filter(owner=person).exclude(state=MachineState.RETIRED)

    def with_health(self) -> "MachineQuerySet":
        """What a row of the list shows: two queries more, whatever the number of rows."""
        return self.with_inventory().prefetch_related("poll_targets")

    def with_inventory(self) -> "MachineQuerySet":
        return self.select_related("owner", "health").prefetch_related("runtimes__models")


class Machine(models.Model):
    public_id = models.CharField(max_length=24, unique=True, editable=False, default=new_machine_id)
    name = models.CharField(_("name"), max_length=80)
    # None: enrolled by join key and not adopted yet.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="machines")
    token = models.OneToOneField(ApiToken, null=True, on_delete=models.PROTECT, related_name="machine")
    state = models.CharField(max_length=12, choices=MachineState, default=MachineState.PENDING, db_index=True)
    state_since = models.DateTimeField()
    created_at = models.DateTimeField()

    agent_version = models.CharField(max_length=TEXT_LENGTH, null=True)
    platform = models.CharField(max_length=TEXT_LENGTH, null=True)
    os_version = models.CharField(max_length=TEXT_LENGTH, null=True)
    model = models.CharField(max_length=TEXT_LENGTH, null=True)
    chip = models.CharField(max_length=TEXT_LENGTH, null=True)
    cpu_cores = models.IntegerField(null=True)
    performance_cores = models.IntegerField(null=True)
    gpu_cores = models.IntegerField(null=True)
    memory_bytes = models.BigIntegerField(null=True)
    gpu_limit_bytes = models.BigIntegerField(null=True)

    # The last accepted report as it was sent: the engine takes its facts from it.
    report = models.JSONField(null=True)
    # By the agent's clock, only to tell older reports from newer ones of the same machine.
    collected_at = models.DateTimeField(null=True)
    # By the portal's clock: how old facts are is told by this one.
    reported_at = models.DateTimeField(null=True)

    objects: ClassVar = MachineQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint("name", condition=~Q(state="retired"), name="machine_name_unique_in_use"),
            models.CheckConstraint(condition=Q(state__in=MachineState.values), name="machine_state_known"),
            models.CheckConstraint(
                condition=Q(token__isnull=False) | Q(state__in=["pending", "retired"]), name="machine_in_use_has_token"
            ),
            models.CheckConstraint(
                condition=Q(report__isnull=True, collected_at__isnull=True, reported_at__isnull=True)
                | Q(report__isnull=False, collected_at__isnull=False, reported_at__isnull=False),
                name="machine_report_whole_or_absent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        is_new = self._state.adding
        super().save(**options)
        if is_new:
            self.health = Health.objects.create(machine=self)

    @property
    def is_in_touch(self) -> bool:
        """Heard of within its interval, so how long ago exactly says nothing."""
        return self.state in (MachineState.ONLINE, MachineState.DEGRADED)

    @property
    def agent_poll(self) -> PollTarget | None:
        """Of the targets that were fetched with it."""
        return next((target for target in self.poll_targets.all() if target.kind == PollTarget.AGENT), None)

    @property
    def last_seen_at(self) -> datetime | None:
        return self.health.seen_at

    @property
    def situation(self) -> dict[str, Any] | None:
        """The `state` part of the newest report or heartbeat (memory pressure, power)."""
        return self.health.situation

    @property
    def wrong_clock(self) -> datetime | None:
        """What its clock said when it last reported, where that is off by more than collecting and sending takes."""
        if self.report is None or self.reported_at is None:
            return None
        said = datetime.fromisoformat(str(self.report["collected_at"]))
        return said if abs(said - self.reported_at) > CLOCK_TOLERANCE else None

    @property
    def state_icon(self) -> str:
        return MachineState(self.state).icon

    @property
    def is_retired(self) -> bool:
        return self.state == MachineState.RETIRED

    @property
    def weights_limit_bytes(self) -> int | None:
        """What weights must fit into: the same as in the table of what the Mac can run."""
        hardware = facts.Hardware(
            platform=self.platform or "darwin", memory_bytes=self.memory_bytes, gpu_limit_bytes=self.gpu_limit_bytes
        )
        limit = gpu_limit(hardware)
        return limit.limit_bytes if limit else None

    @property
    def absences(self) -> list[dict[str, str]]:
        return list((self.report or {}).get("absences") or [])


class Runtime(models.Model):
    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="runtimes")
    kind = models.CharField(max_length=20, choices=RuntimeKind)
    version = models.CharField(max_length=TEXT_LENGTH, null=True)
    base_url = models.CharField(max_length=TEXT_LENGTH)
    state = models.CharField(max_length=10, choices=RuntimeState)
    reason = models.CharField(max_length=20, choices=BrokenReason, null=True)
    messages_api = models.BooleanField(null=True)

    class Meta:
        ordering: ClassVar = ["kind", "base_url"]
        constraints: ClassVar = [
            models.UniqueConstraint("machine", "base_url", name="runtime_address_unique_on_machine"),
            models.CheckConstraint(condition=Q(kind__in=RuntimeKind.values), name="runtime_kind_known"),
            models.CheckConstraint(condition=Q(state__in=RuntimeState.values), name="runtime_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.version or ''}".strip()


class InstalledModel(models.Model):
    runtime = models.ForeignKey(Runtime, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=TEXT_LENGTH)
    quantization = models.CharField(max_length=TEXT_LENGTH, null=True)
    format = models.CharField(max_length=TEXT_LENGTH, null=True)
    size_bytes = models.BigIntegerField(null=True)
    parameters = models.BigIntegerField(null=True)
    loaded = models.BooleanField(null=True)
    effective_context_tokens = models.BigIntegerField(null=True)
    max_context_tokens = models.BigIntegerField(null=True)
    memory_bytes = models.BigIntegerField(null=True)
    # None is unknown, and unknown counts as remote.
    remote = models.BooleanField(null=True)
    tools = models.BooleanField(null=True)
    vision = models.BooleanField(null=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "runtime", "name", Coalesce("quantization", Value("")), name="installed_model_unique_in_runtime"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def counts_as_remote(self) -> bool:
        return self.remote is not False

    def share_of(self, limit_bytes: int | None) -> float | None:
        """Weights in per cent of the limit; None when either is unknown or the weights lie elsewhere."""
        if self.counts_as_remote or not limit_bytes or self.size_bytes is None:
            return None
        return 100 * self.size_bytes / limit_bytes


class Benchmark(models.Model):
    """One measured run. Kept by runtime kind and model name, for models come and go with reports."""

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="benchmarks")
    runtime = models.CharField(max_length=20, choices=RuntimeKind)
    runtime_version = models.CharField(max_length=TEXT_LENGTH, null=True)
    model = models.CharField(max_length=TEXT_LENGTH)
    quantization = models.CharField(max_length=TEXT_LENGTH, null=True)
    depth_tokens = models.BigIntegerField()
    prompt_tokens_per_s = models.FloatField()
    decode_tokens_per_s = models.FloatField()
    first_token_s = models.FloatField(null=True)
    runs = models.IntegerField()
    method = models.CharField(max_length=TEXT_LENGTH)
    # What the runs were made under; null from agents that do not tell.
    prompt_spread = models.FloatField(null=True)
    decode_spread = models.FloatField(null=True)
    memory_pressure = models.CharField(max_length=10, null=True)
    on_battery = models.BooleanField(null=True)
    low_power = models.BooleanField(null=True)
    measured_at = models.DateTimeField()
    received_at = models.DateTimeField()
    # Empty: it speaks for this machine and for the team's others.
    set_aside = models.CharField(max_length=12, choices=SetAside, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-measured_at", "-pk"]
        constraints: ClassVar = [
            # A batch that is sent again after a lost answer adds nothing.
            models.UniqueConstraint(
                "machine",
                "runtime",
                "model",
                Coalesce("quantization", Value("")),
                "depth_tokens",
                "method",
                "measured_at",
                name="benchmark_stored_once",
            ),
            models.CheckConstraint(condition=Q(runtime__in=RuntimeKind.values), name="benchmark_runtime_known"),
            models.CheckConstraint(condition=Q(set_aside__in=["", *SetAside.values]), name="benchmark_set_aside_known"),
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.depth_tokens}"


class EnrolmentState(models.TextChoices):
    PENDING = "pending", _("Waiting for you")
    APPROVED = "approved", _("Approved")
    DENIED = "denied", _("Denied")


class Enrolment(models.Model):
    """A machine that waits for a person to type its code. Expiry is told by `expires_at`."""

    public_id = models.CharField(max_length=24, unique=True, editable=False, default=new_enrolment_id)
    code_digest = models.CharField(max_length=64, unique=True)
    poll_digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80)
    agent_version = models.CharField(max_length=TEXT_LENGTH, null=True)
    hardware = models.JSONField()
    address = models.GenericIPAddressField(db_index=True)
    state = models.CharField(max_length=10, choices=EnrolmentState, default=EnrolmentState.PENDING)
    created_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    machine = models.OneToOneField(Machine, null=True, on_delete=models.CASCADE, related_name="enrolment")
    handed_out_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=EnrolmentState.values), name="enrolment_state_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="enrolment_expires_after_start"),
            models.CheckConstraint(
                condition=Q(state="approved", machine__isnull=False) | (~Q(state="approved") & Q(machine__isnull=True)),
                name="enrolment_approved_has_machine",
            ),
            models.CheckConstraint(
                condition=Q(handed_out_at__isnull=True) | Q(state="approved"), name="enrolment_hands_out_approved_only"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"


class CodeTries(models.Model):
    """Wrong codes of one person within a window: five lock the field for the rest of it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    wrong = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user}: {self.wrong}"

    def is_locked(self, now: datetime, *, limit: int, window: timedelta) -> bool:
        return self.wrong >= limit and now < self.since + window


class JoinKey(models.Model):
    """Lets a counted number of machines enrol without a person; the secret is the token's."""

    token = models.OneToOneField(ApiToken, on_delete=models.PROTECT, related_name="join_key")
    uses_allowed = models.PositiveIntegerField()
    uses_made = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(uses_allowed__gte=1), name="join_key_allows_a_use"),
            models.CheckConstraint(condition=Q(uses_made__lte=F("uses_allowed")), name="join_key_uses_counted"),
        ]

    def __str__(self) -> str:
        return f"{self.token.public_id}: {self.uses_made} of {self.uses_allowed}"
