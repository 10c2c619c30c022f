"""The REST API of the fit table: what a Mac of the team can run, or one with a given chip and memory."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from machines.catalogue.rules import rules_of
from machines.catalogue.tables import DEFAULT_CONTEXT_TOKENS, FitTable, table_of_configuration, table_of_machine
from machines.queries import list_all_machines
from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from portal.accounts.models import Scope
from portal.common.api_query import read_query
from portal.common.policy_head import get_head
from routing.engine.facts import RuntimeKind
from routing.engine.fit.memory import KV_BYTES, MAX_CONTEXT_TOKENS, MAX_PARALLEL
from routing.engine.fit.table import Question, row_document


class QuestionSerializer(serializers.Serializer[object]):
    context_tokens = serializers.IntegerField(default=DEFAULT_CONTEXT_TOKENS, min_value=0, max_value=MAX_CONTEXT_TOKENS)
    kv_quantization = serializers.ChoiceField(choices=list(KV_BYTES), default="f16")
    parallel = serializers.IntegerField(default=1, min_value=1, max_value=MAX_PARALLEL)
    gguf_runtime = serializers.ChoiceField(choices=["llama_cpp", "ollama", "lm_studio"], default="llama_cpp")


class ConfigurationSerializer(QuestionSerializer):
    chip = serializers.CharField(max_length=80)
    gpu_cores = serializers.IntegerField(required=False, min_value=1, max_value=4096)
    memory_gb = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**14,
        help_text="May be left out where all Macs of the chip have as much.",
    )
    bandwidth_gb_per_s = serializers.FloatField(required=False, min_value=1, max_value=1e5)


class FitRowSerializer(serializers.Serializer[object]):
    """Ranges are [low, high]; null is unknown."""

    model = serializers.CharField()
    title = serializers.CharField()
    quantization = serializers.CharField()
    runtime = serializers.ChoiceField(choices=[str(kind) for kind in RuntimeKind])
    verdict = serializers.ChoiceField(choices=["fits", "tight", "too_large", "unknown"])
    spare_bytes = serializers.IntegerField(allow_null=True)
    memory = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    memory_bytes = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    most_context_tokens = serializers.IntegerField(allow_null=True)
    decode_tokens_per_s = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    prefill_tokens_per_s = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    first_token_s = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    load_s = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    basis = serializers.ChoiceField(choices=["measured", "corrected", "fleet", "formula"])
    notes = serializers.ListField(child=serializers.CharField())
    tier = serializers.CharField(allow_null=True)
    tools = serializers.BooleanField(allow_null=True)
    licence = serializers.CharField(allow_null=True)
    production = serializers.BooleanField(allow_null=True)
    verified = serializers.BooleanField()
    forbidden_by = serializers.CharField(allow_null=True)
    installed = serializers.BooleanField()
    install = serializers.CharField(allow_null=True)


class FitTableSerializer(serializers.Serializer[object]):
    machine = serializers.CharField(allow_null=True)
    chip = serializers.CharField(allow_null=True)
    gpu_cores = serializers.IntegerField(allow_null=True)
    memory_bytes = serializers.IntegerField(allow_null=True)
    limit_bytes = serializers.IntegerField(allow_null=True)
    limit_source = serializers.ChoiceField(choices=["reported", "default", "memory"], allow_null=True)
    context_tokens = serializers.IntegerField()
    results = FitRowSerializer(many=True)


class FitView(APIView):
    authentication_classes = (BearerTokenAuthentication,)
    permission_classes = (HasScope(Scope.READ),)


class MachineFitView(FitView):
    @extend_schema(operation_id="machine_fit", parameters=[QuestionSerializer], responses=FitTableSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        machine = get_object_or_404(list_all_machines(), public_id=public_id)
        asked = read_query(QuestionSerializer, request)
        return Response(
            _document(table_of_machine(machine, _question(asked), rules=rules_of(get_head())), machine.public_id)
        )


class ConfigurationFitView(FitView):
    @extend_schema(operation_id="fit", parameters=[ConfigurationSerializer], responses=FitTableSerializer)
    def get(self, request: Request) -> Response:
        asked = read_query(ConfigurationSerializer, request)
        table = table_of_configuration(
            _question(asked),
            chip=asked["chip"],
            gpu_cores=asked.get("gpu_cores"),
            memory_gb=asked.get("memory_gb"),
            bandwidth_gb_per_s=asked.get("bandwidth_gb_per_s"),
            rules=rules_of(get_head()),
        )
        return Response(_document(table, None))


def _question(asked: dict[str, Any]) -> Question:
    return Question(
        context_tokens=asked["context_tokens"],
        kv_quantization=asked["kv_quantization"],
        parallel=asked["parallel"],
        gguf_runtime=RuntimeKind(asked["gguf_runtime"]),
    )


def _document(table: FitTable, machine: str | None) -> dict[str, Any]:
    chip, limit = table.machine.chip, table.machine.limit
    return {
        "machine": machine,
        "chip": chip.name if chip else None,
        "gpu_cores": chip.gpu_cores if chip else None,
        "memory_bytes": table.machine.memory_bytes,
        "limit_bytes": limit.limit_bytes if limit else None,
        "limit_source": limit.source if limit else None,
        "context_tokens": table.question.context_tokens,
        "results": [row_document(row) for row in table.rows],
    }
