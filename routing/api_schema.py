"""Shapes of the API for its OpenAPI description. Nothing is parsed with them: that is the engine's part."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers as s

from routing.decide_query import INTEGERS, SIGNALS, TEXTS
from routing.engine.effects import Classification, Effect
from routing.engine.request import ClientMode, ClientName, Role
from routing.models import Receipt
from routing.receipts import BACKENDS, BASE_URL_CLASSES, GUARDS

_EFFECTS = [str(effect) for effect in Effect]
_STAGES = ["privacy", "feasibility", "preference", "selection", "fallback", "obligations"]


class RemoteSerializer(s.Serializer[object]):
    raw = s.CharField(help_text="As git is configured.")
    url = s.CharField(help_text="After insteadOf and ssh aliases were resolved.")


class ProjectSerializer(s.Serializer[object]):
    remotes = RemoteSerializer(many=True, required=False, allow_null=True, help_text="Or plain strings.")
    root_commits = s.ListField(child=s.CharField(), required=False, allow_null=True)
    markers = s.ListField(child=s.CharField(), required=False, allow_null=True)
    paths = s.ListField(child=s.CharField(), required=False, allow_null=True)
    labels = s.ListField(child=s.CharField(), required=False, allow_null=True)
    role = s.ChoiceField([str(role) for role in Role], required=False)
    complete = s.BooleanField(required=False)


class SessionSerializer(s.Serializer[object]):
    id = s.CharField(required=False, allow_null=True)
    floor = s.ChoiceField(_EFFECTS, required=False, allow_null=True)


class ClientSerializer(s.Serializer[object]):
    name = s.ChoiceField([str(name) for name in ClientName])
    version = s.CharField(required=False, allow_null=True)
    mode = s.ChoiceField([str(mode) for mode in ClientMode], required=False, allow_null=True)


class TaskRequestSerializer(s.Serializer[object]):
    task = s.CharField(max_length=64)
    projects = ProjectSerializer(many=True, required=False, help_text="1 to 64; omitted: one anonymous project.")
    context_tokens = s.IntegerField(required=False, min_value=0)
    parallel_agents = s.IntegerField(required=False, min_value=1, allow_null=True)
    needs = s.ListField(child=s.ChoiceField(["tools", "vision"]), required=False)
    offline = s.BooleanField(required=False)
    deadline_s = s.FloatField(required=False, allow_null=True)
    session = SessionSerializer(required=False, help_text="Or the id alone.")
    client = ClientSerializer(required=False, allow_null=True, help_text="Or the name alone.")
    machine = s.CharField(required=False, allow_null=True)


class TaskSerializer(s.Serializer[object]):
    id = s.CharField()
    assumed = s.BooleanField()


class CodeSerializer(s.Serializer[object]):
    code = s.CharField()
    text = s.CharField()


class PrivacySerializer(s.Serializer[object]):
    effect = s.ChoiceField(_EFFECTS)
    classification = s.ChoiceField([str(one) for one in Classification])
    floor = s.ChoiceField(_EFFECTS, allow_null=True)
    rules = s.ListField(child=s.CharField())
    exceptions = s.ListField(child=s.CharField())


class ModelSerializer(s.Serializer[object]):
    name = s.CharField()
    quantization = s.CharField(allow_null=True)
    format = s.CharField(allow_null=True)
    tier = s.ChoiceField(["basic", "good", "strong"])


class RuntimeSerializer(s.Serializer[object]):
    kind = s.CharField()
    version = s.CharField(allow_null=True)
    base_url = s.CharField()


class ContextSerializer(s.Serializer[object]):
    task_tokens = s.IntegerField()
    prefix_tokens = s.IntegerField()
    total_tokens = s.IntegerField()
    limit_tokens = s.IntegerField(allow_null=True)
    limit_by = s.ChoiceField(["org", "model", "runtime", "memory"], allow_null=True)


class ReasonSerializer(s.Serializer[object]):
    stage = s.ChoiceField(_STAGES)
    code = s.CharField()
    rule = s.CharField(allow_null=True)
    data = s.DictField()  # type: ignore[assignment] # a field of the answer, taken from the class by its metaclass
    text = s.CharField()


class FailedConditionSerializer(s.Serializer[object]):
    key = s.CharField()
    wanted = s.JSONField()
    got = s.JSONField()


class NearMissSerializer(s.Serializer[object]):
    rule = s.CharField()
    failed = FailedConditionSerializer()
    text = s.CharField()


class WarningSerializer(s.Serializer[object]):
    code = s.CharField()
    data = s.DictField()  # type: ignore[assignment] # a field of the answer, taken from the class by its metaclass
    text = s.CharField()


class RemedySerializer(CodeSerializer):
    command = s.CharField(allow_null=True)


class AlternativeSerializer(s.Serializer[object]):
    backend = s.ChoiceField(["local", "cloud"])
    model = s.CharField(allow_null=True)
    blocked_by = s.CharField(allow_null=True)
    hard = s.BooleanField()
    remedy = RemedySerializer(allow_null=True)


class ObligationSerializer(s.Serializer[object]):
    code = s.CharField()
    value = s.JSONField()
    text = s.CharField()


class ExpectedSerializer(s.Serializer[object]):
    first_token_s = s.ListField(child=s.FloatField(), allow_null=True)
    decode_tokens_per_s = s.ListField(child=s.FloatField(), allow_null=True)
    load_s = s.ListField(child=s.FloatField(), allow_null=True)
    basis = s.ChoiceField(["measured", "corrected", "fleet", "formula"])


class LaunchSerializer(s.Serializer[object]):
    profile = s.ChoiceField(["hardened", "slim", "plain"])
    env = s.DictField(child=s.CharField())
    unset = s.ListField(child=s.CharField())
    args = s.ListField(child=s.CharField())


class PolicyStateSerializer(s.Serializer[object]):
    revision = s.IntegerField()
    age_s = s.IntegerField()
    state = s.ChoiceField(["fresh", "stale", "expired"])


class FactsStateSerializer(s.Serializer[object]):
    age_s = s.IntegerField(allow_null=True)
    source = s.ChoiceField(["agent", "portal", "none"])  # type: ignore[assignment] # a field of the answer, taken from the class by its metaclass


class AnswerSerializer(s.Serializer[object]):
    schema = s.IntegerField()
    id = s.UUIDField()
    decided_by = s.ChoiceField(["portal", "agent"])
    valid_until = s.DateTimeField()
    task = TaskSerializer()
    backend = s.ChoiceField(list(BACKENDS))
    refusal = CodeSerializer(allow_null=True)
    privacy = PrivacySerializer()
    model = ModelSerializer(allow_null=True)
    runtime = RuntimeSerializer(allow_null=True)
    machine = s.CharField(allow_null=True)
    context = ContextSerializer()  # type: ignore[assignment] # a field of the answer, taken from the class by its metaclass
    reasons = ReasonSerializer(many=True)
    near_misses = NearMissSerializer(many=True)
    warnings = WarningSerializer(many=True)
    alternatives = AlternativeSerializer(many=True)
    obligations = ObligationSerializer(many=True)
    expected = ExpectedSerializer(allow_null=True)
    launch = LaunchSerializer(allow_null=True)
    policy = PolicyStateSerializer()
    facts = FactsStateSerializer()
    engine = s.CharField()


class LoggedDecisionSerializer(s.Serializer[object]):
    id = s.UUIDField()
    request = TaskRequestSerializer()
    answer = AnswerSerializer()
    facts_digest = s.CharField(required=False, allow_null=True)
    policy_epoch = s.IntegerField(required=False, allow_null=True, min_value=1)


class LaunchedSerializer(s.Serializer[object]):
    client = s.CharField(required=False, allow_null=True)
    version = s.CharField(required=False, allow_null=True)
    backend = s.ChoiceField(list(BACKENDS), required=False, allow_null=True)
    model = s.CharField(required=False, allow_null=True)
    base_url_class = s.ChoiceField(list(BASE_URL_CLASSES), required=False, allow_null=True)
    profile = s.CharField(required=False, allow_null=True)
    args_refused = s.ListField(child=s.CharField(), required=False)


class CheckSerializer(s.Serializer[object]):
    check = s.CharField()
    ok = s.BooleanField()
    code = s.CharField(required=False, allow_null=True)


class ReceiptSerializer(s.Serializer[object]):
    decision = LoggedDecisionSerializer()
    kind = s.ChoiceField(Receipt.Kind.values)
    at = s.DateTimeField()
    launched = LaunchedSerializer(required=False, allow_null=True)
    exit = s.IntegerField(required=False, allow_null=True)
    preflight = CheckSerializer(many=True, required=False)
    guard = s.ChoiceField(list(GUARDS), required=False, allow_null=True)


class ReceiptsSerializer(s.Serializer[object]):
    receipts = ReceiptSerializer(many=True)


class ReceiptsStoredSerializer(s.Serializer[object]):
    stored = s.IntegerField()
    known = s.IntegerField()


class NewPolicyRequestSerializer(s.Serializer[object]):
    kind = s.ChoiceField(["classify", "exception"])
    reason = s.CharField(required=False, max_length=500)
    projects = ProjectSerializer(many=True)


class BundleSerializer(s.Serializer[object]):
    key_id = s.CharField()
    payload = s.CharField(help_text="Canonical JSON; the signature is over its UTF-8 bytes.")
    signature = s.CharField(help_text="Base64 of the Ed25519 signature.")


DECISION_RESPONSES = {
    (200, "application/json"): OpenApiResponse(AnswerSerializer, description="A refusal is `backend: none`."),
    (200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="backend TAB model TAB base_url TAB id"),
    (200, "application/x-sh"): OpenApiResponse(OpenApiTypes.STR, description="Defines kirikae_client."),
}
RECEIPTS_RESPONSES = {(200, "application/json"): ReceiptsStoredSerializer}
BUNDLE_RESPONSES = {
    (200, "application/json"): BundleSerializer,
    304: OpenApiResponse(description="The bundle named by If-None-Match is still in force."),
}
QUERY_PARAMETERS = [
    *(OpenApiParameter(name, str, required=name == "task") for name in TEXTS),
    *(OpenApiParameter(name, str, many=True, description="Repeatable.") for name in SIGNALS),
    OpenApiParameter("need", str, many=True, enum=["tools", "vision"], description="Repeatable."),
    *(OpenApiParameter(name, int) for name in INTEGERS),
    OpenApiParameter("offline", bool),
    OpenApiParameter("deadline_s", float),
]
