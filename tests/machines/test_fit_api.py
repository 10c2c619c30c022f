"""The fit table over the API: of a machine that reported, and of one that nobody has."""

from copy import deepcopy
from typing import Any

import pytest
from django.test import Client

from machines.catalogue.services import refresh_text
from machines.models import Machine
from portal.accounts.models import Scope
from portal.accounts.tokens import issue_service_token
from portal.audit.services import OPERATOR
from tests.machines.conftest import BENCHMARK, REPORT, Agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client) -> Agent:
    return Agent(client, issue_service_token(name="x", scope=Scope.READ, by=None, actor=OPERATOR).text)


@pytest.fixture
def reported(agent: Agent, mac: Machine) -> Machine:
    report = deepcopy(REPORT)
    model = report["runtimes"][0]["models"][0]
    model |= {"name": "qwen3-coder:30b", "quantization": "Q4_K_M", "size_bytes": 18_575_733_555}
    assert agent.post("reports", report).status_code == 200
    run = BENCHMARK | {"model": "qwen3-coder:30b", "quantization": "Q4_K_M", "prompt_tokens_per_s": 700.0}
    assert agent.post("benchmarks", {"benchmarks": [run | {"decode_tokens_per_s": 60.0}]}).status_code == 200
    return mac


def row_of(answer: dict[str, Any], model: str, quantization: str) -> dict[str, Any]:
    return next(row for row in answer["results"] if (row["model"], row["quantization"]) == (model, quantization))


def test_the_table_of_a_machine_shows_what_was_measured_there(reader: Agent, reported: Machine) -> None:
    answer = reader.get(f"machines/{reported.public_id}/fit?context_tokens=512").json()

    row = row_of(answer, "qwen3-coder-30b", "Q4_K_M")
    assert (row["basis"], row["verdict"], row["installed"]) == ("measured", "fits", True)
    assert row["decode_tokens_per_s"][0] < 60 < row["decode_tokens_per_s"][1]
    assert (answer["limit_bytes"], answer["limit_source"]) == (51_539_607_552, "reported")


def test_the_memory_of_a_row_has_its_terms(reader: Agent, reported: Machine) -> None:
    answer = reader.get(f"machines/{reported.public_id}/fit").json()

    row = row_of(answer, "qwen3-coder-30b", "Q4_K_M")
    total = row["memory"].pop("total_bytes")
    assert sum(row["memory"].values()) == total
    assert row["memory_bytes"][0] < total < row["memory_bytes"][1]


def test_a_machine_that_has_not_reported_has_no_table(reader: Agent, mac: Machine) -> None:
    answer = reader.get(f"machines/{mac.public_id}/fit")

    assert (answer.status_code, answer.json()["code"]) == (409, "machine.no_report")


def test_a_mac_that_nobody_has_can_be_asked_about(reader: Agent) -> None:
    answer = reader.get("fit?chip=M4 Max&gpu_cores=40&memory_gb=128").json()

    assert (answer["machine"], answer["chip"], answer["gpu_cores"]) == (None, "M4 Max", 40)
    assert row_of(answer, "gpt-oss-120b", "MXFP4")["verdict"] == "fits"


def test_the_teams_runs_speak_for_a_mac_with_the_same_chip(reader: Agent, reported: Machine) -> None:
    refresh_text()

    answer = reader.get("fit?chip=Apple M4 Pro&gpu_cores=20&memory_gb=48").json()

    assert row_of(answer, "qwen3-coder-30b", "Q4_K_M")["basis"] == "fleet"
    assert row_of(answer, "qwen3-coder-30b", "Q8_0")["basis"] == "formula"


def test_a_chip_of_the_future_needs_its_bandwidth(reader: Agent) -> None:
    unknown = reader.get("fit?chip=M9 Max&memory_gb=64")
    told = reader.get("fit?chip=M9 Max&memory_gb=64&gpu_cores=48&bandwidth_gb_per_s=900")

    assert (unknown.status_code, unknown.json()["code"]) == (400, "chip.unknown")
    assert told.status_code == 200


def test_a_form_with_more_cores_than_are_sold_needs_its_bandwidth(reader: Agent) -> None:
    unknown = reader.get("fit?chip=M4 Pro&memory_gb=64&gpu_cores=40")
    told = reader.get("fit?chip=M4 Pro&memory_gb=64&gpu_cores=40&bandwidth_gb_per_s=300")

    assert (unknown.status_code, unknown.json()["code"], unknown.json()["field"]) == (400, "chip.unknown", "gpu_cores")
    assert unknown.json()["detail"].startswith("The M4 Pro has 16 or 20 GPU cores.")
    assert told.json()["gpu_cores"] == 40


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("chip=M4 Pro", "the M4 Pro with 20 GPU cores: 24, 48, 64."),
        ("chip=Apple M3 Max&gpu_cores=30", "the M3 Max with 30 GPU cores: 36, 96."),
        ("chip=M3 Max&gpu_cores=35", "the M3 Max with 35 GPU cores: 36, 48, 64, 96, 128."),
        ("chip=M9&gpu_cores=12&bandwidth_gb_per_s=300", "the M9 with 12 GPU cores: none."),
    ],
)
def test_without_its_memory_a_chip_is_asked_for_it_by_the_sizes_that_are_known(
    reader: Agent, query: str, known: str
) -> None:
    answer = reader.get(f"fit?{query}")

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "memory.missing", "memory_gb")
    assert answer.json()["detail"] == f"Give memory_gb as well. Known for {known}"


def test_a_chip_that_has_one_size_of_memory_needs_none_named(reader: Agent) -> None:
    answer = reader.get("fit?chip=M4 Max&gpu_cores=32").json()

    assert answer["memory_bytes"] == 36 * 2**30
    assert answer == reader.get("fit?chip=M4 Max&gpu_cores=32&memory_gb=36").json()


@pytest.mark.parametrize(
    "query",
    ["chip=M4", "memory_gb=64", "chip=M4&memory_gb=0", "chip=M4&memory_gb=64&context_tokens=-1",
     "chip=M4&memory_gb=64&parallel=0", "chip=M4&memory_gb=64&kv_quantization=q2", "chip=M4&memory_gb=64&colour=red",
     "chip=M4&memory_gb=64&context_tokens=1000000000001", "chip=M4&memory_gb=", "chip=M4&memory_gb=16&memory_gb=32",
     "chip=M4&memory_gb=1e999", "chip=%00&memory_gb=64"],
)  # fmt: skip
def test_absurd_parameters_are_refused(reader: Agent, query: str) -> None:
    assert reader.get(f"fit?{query}").status_code == 400


def test_only_a_token_that_may_read_gets_the_table(agent: Agent, stranger: Agent, reported: Machine) -> None:
    for path in (f"machines/{reported.public_id}/fit", "fit?chip=M4&memory_gb=16"):
        assert stranger.get(path).status_code == 401
        assert agent.get(path).status_code == 403
