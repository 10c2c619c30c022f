"""Shapes of the machine API: what is answered, and for the OpenAPI document what is taken.

Requests are read by the engine's parsers (`machines.wire`, `routing.engine.facts`), not by these classes.
"""

from rest_framework import serializers

from machines.models import Benchmark, BrokenReason, InstalledModel, Machine, Runtime, RuntimeKind, RuntimeState
from portal.accounts.serializers import PersonSerializer
from routing.engine.facts import MemoryPressure
from routing.engine.fit.geometry import Geometry
from routing.engine.reading.messages import ANNOUNCEMENTS

_AGENTS_PORT = "Where on this host agents send heartbeats and reports from now on; null: here."


class HardwareSerializer(serializers.Serializer[object]):
    platform = serializers.ChoiceField(choices=["darwin", "linux"])
    os_version = serializers.CharField(max_length=80, allow_null=True, required=False)
    model = serializers.CharField(max_length=80, allow_null=True, required=False)
    chip = serializers.CharField(max_length=120, allow_null=True, required=False)
    cpu_cores = serializers.IntegerField(allow_null=True, required=False)
    performance_cores = serializers.IntegerField(allow_null=True, required=False)
    gpu_cores = serializers.IntegerField(allow_null=True, required=False)
    memory_bytes = serializers.IntegerField(allow_null=True, required=False)
    gpu_limit_bytes = serializers.IntegerField(allow_null=True, required=False)


class SituationSerializer(serializers.Serializer[object]):
    memory_available_bytes = serializers.IntegerField(allow_null=True, required=False)
    memory_pressure = serializers.ChoiceField(
        choices=[str(one) for one in MemoryPressure], allow_null=True, required=False
    )
    swap_used_bytes = serializers.IntegerField(allow_null=True, required=False)
    on_battery = serializers.BooleanField(allow_null=True, required=False)
    low_power = serializers.BooleanField(allow_null=True, required=False)
    cloud_quota_left = serializers.FloatField(min_value=0, max_value=1, allow_null=True, required=False)
    cloud_available = serializers.BooleanField(allow_null=True, required=False)


class AbsenceSerializer(serializers.Serializer[object]):
    field = serializers.CharField(max_length=80)
    code = serializers.CharField(max_length=80)


class InstalledModelSerializer(serializers.ModelSerializer[InstalledModel]):
    class Meta:
        model = InstalledModel
        fields = (
            "name",
            "quantization",
            "format",
            "size_bytes",
            "parameters",
            "loaded",
            "effective_context_tokens",
            "max_context_tokens",
            "memory_bytes",
            "remote",
            "tools",
            "vision",
        )


class ReportedModelSerializer(InstalledModelSerializer):
    """What a runtime or a model's file says of its shape comes with a report and is kept in it alone."""

    geometry = serializers.DictField(
        child=serializers.JSONField(), allow_null=True, required=False,
        help_text="architecture (a text) and whole numbers: " + ", ".join(Geometry._fields[1:]),
    )  # fmt: skip

    class Meta:
        model = InstalledModel
        fields = (*InstalledModelSerializer.Meta.fields, "geometry")


class MachineRuntimeSerializer(serializers.ModelSerializer[Runtime]):
    kind = serializers.ChoiceField(choices=RuntimeKind.values)
    state = serializers.ChoiceField(choices=RuntimeState.values)
    reason = serializers.ChoiceField(choices=BrokenReason.values, allow_null=True, required=False)
    models = InstalledModelSerializer(many=True)

    class Meta:
        model = Runtime
        fields = ("kind", "version", "base_url", "state", "reason", "messages_api", "models")


class BenchmarkSerializer(serializers.ModelSerializer[Benchmark]):
    runtime = serializers.ChoiceField(choices=RuntimeKind.values)
    memory_pressure = serializers.ChoiceField(
        choices=[str(one) for one in MemoryPressure], allow_null=True, required=False
    )

    class Meta:
        model = Benchmark
        fields = (
            "runtime",
            "runtime_version",
            "model",
            "quantization",
            "depth_tokens",
            "prompt_tokens_per_s",
            "decode_tokens_per_s",
            "first_token_s",
            "runs",
            "method",
            "measured_at",
            "prompt_spread",
            "decode_spread",
            "memory_pressure",
            "on_battery",
            "low_power",
            "set_aside",
        )
        read_only_fields = ("set_aside",)


class PollOfferSerializer(serializers.Serializer[object]):
    address = serializers.CharField(max_length=80)
    token = serializers.CharField(max_length=200)


class ReportedRuntimeSerializer(MachineRuntimeSerializer):
    models = ReportedModelSerializer(many=True)


class ReportSerializer(serializers.Serializer[object]):
    schema = serializers.ChoiceField(choices=[1])
    boot_id = serializers.CharField(min_length=32, max_length=32, allow_null=True, required=False)
    sequence = serializers.IntegerField(min_value=1, allow_null=True, required=False)
    poll = PollOfferSerializer(allow_null=True, required=False)
    agent_version = serializers.CharField(max_length=40)
    collected_at = serializers.DateTimeField()
    hardware = HardwareSerializer()
    state = SituationSerializer(required=False)
    runtimes = ReportedRuntimeSerializer(many=True, required=False)
    absences = AbsenceSerializer(many=True, required=False)


class ReportAnswerSerializer(serializers.Serializer[object]):
    machine = serializers.CharField()
    heartbeat_s = serializers.IntegerField()
    report_s = serializers.IntegerField()
    policy_revision = serializers.IntegerField()
    policy_epoch = serializers.IntegerField()
    rotate_token = serializers.BooleanField(help_text="Whether the agent should ask for a new token now.")
    agents_port = serializers.IntegerField(allow_null=True, help_text=_AGENTS_PORT)


class HeartbeatSerializer(serializers.Serializer[object]):
    state = SituationSerializer(allow_null=True)
    boot_id = serializers.CharField(min_length=32, max_length=32, allow_null=True, required=False)
    sequence = serializers.IntegerField(min_value=1, allow_null=True, required=False)
    announce = serializers.ChoiceField(choices=ANNOUNCEMENTS, allow_null=True, required=False)


class HeartbeatAnswerSerializer(serializers.Serializer[object]):
    heartbeat_s = serializers.IntegerField()
    report_wanted = serializers.BooleanField()
    policy_revision = serializers.IntegerField()
    policy_epoch = serializers.IntegerField()
    server_time = serializers.DateTimeField()
    agents_port = serializers.IntegerField(allow_null=True, help_text=_AGENTS_PORT)


class RotatedTokenSerializer(serializers.Serializer[object]):
    """The token in use holds on until this one was used; unused, this one lapses at `expires_at`."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class BenchmarksSerializer(serializers.Serializer[object]):
    benchmarks = BenchmarkSerializer(many=True)


class BenchmarksAnswerSerializer(serializers.Serializer[object]):
    stored = serializers.IntegerField()


class EnrolmentSerializer(serializers.Serializer[object]):
    name = serializers.CharField(max_length=80)
    agent_version = serializers.CharField(max_length=40, allow_null=True, required=False)
    hardware = HardwareSerializer()
    join_key = serializers.CharField(allow_null=True, required=False)


class EnrolmentAnswerSerializer(serializers.Serializer[object]):
    """Without a join key `pending` and the fields of the code, with one `approved` and the token."""

    state = serializers.ChoiceField(choices=["pending", "approved"])
    enrolment = serializers.CharField(required=False)
    code = serializers.CharField(required=False)
    poll_token = serializers.CharField(required=False)
    expires_at = serializers.DateTimeField(required=False)
    interval_s = serializers.IntegerField(required=False)
    approve_url = serializers.URLField(required=False)
    machine = serializers.CharField(required=False)
    token = serializers.CharField(required=False)
    signing_key = serializers.CharField(required=False)


class PollSerializer(serializers.Serializer[object]):
    poll_token = serializers.CharField()


class PollAnswerSerializer(serializers.Serializer[object]):
    state = serializers.ChoiceField(choices=["pending", "approved", "denied", "expired"])
    machine = serializers.CharField(required=False)
    token = serializers.CharField(required=False)
    signing_key = serializers.CharField(required=False)


class MachineNameSerializer(serializers.ModelSerializer[Machine]):
    """Where something else tells of a Mac."""

    id = serializers.CharField(source="public_id")
    owner = PersonSerializer(allow_null=True)

    class Meta:
        model = Machine
        fields = ("id", "name", "owner")


class MachineSerializer(serializers.ModelSerializer[Machine]):
    id = serializers.CharField(source="public_id")
    owner = PersonSerializer(allow_null=True)

    class Meta:
        model = Machine
        fields = (
            "id",
            "name",
            "state",
            "state_since",
            "owner",
            "agent_version",
            "platform",
            "os_version",
            "model",
            "chip",
            "cpu_cores",
            "performance_cores",
            "gpu_cores",
            "memory_bytes",
            "gpu_limit_bytes",
            "last_seen_at",
            "reported_at",
        )


class MachineDetailSerializer(MachineSerializer):
    runtimes = MachineRuntimeSerializer(many=True)
    benchmarks = BenchmarkSerializer(many=True)
    situation = SituationSerializer(allow_null=True)
    absences = AbsenceSerializer(many=True)

    class Meta(MachineSerializer.Meta):
        fields = (*MachineSerializer.Meta.fields, "runtimes", "benchmarks", "situation", "absences")  # type: ignore[assignment] # longer tuple
