"""`kirikae fit`: the portal's table, offline."""

import json
from typing import Any

import pytest
from kirikae.cli import main
from kirikae.collect.boot_clock import boot_seconds
from kirikae.collect.facts_reader import FactsReader, KeptFacts, named_runtimes
from kirikae.engine.fit.catalogue import CatalogueModel, catalogue_text, read_model
from kirikae.engine.reading.shapes import ObjectReader, Problems
from kirikae.home import Enrolment, Home
from kirikae.moments import now
from kirikae.policy.bundle_store import accept_bundle

from tests.agent.portal import DATA, Portal, payload_of

ROWS: list[dict[str, Any]] = json.loads((DATA / "models.json").read_text())["models"]
MACHINE: dict[str, Any] = {"platform": "darwin", "chip": "Apple M4 Pro", "gpu_cores": 20, "memory_bytes": 64 * 2**30}


def read(row: dict[str, Any]) -> CatalogueModel:
    return read_model(ObjectReader(row, path="", problems=Problems()))


@pytest.fixture
def catalogued(home: Home, portal: Portal) -> Home:
    portal.payload = payload_of(catalogue=catalogue_text([read(row) for row in ROWS]))
    enrolment = Enrolment("http://127.0.0.1:9", machine="m_1", name="ben-mini", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=now())
    return home


@pytest.fixture
def on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"name": "qwen3-coder:30b", "quantization": "Q4_K_M", "size_bytes": 18_575_733_555, "remote": False}
    runtime = {"kind": "ollama", "base_url": "http://127.0.0.1:11434", "state": "up", "models": [model]}
    report = {
        "schema": 1, "agent_version": "0", "collected_at": "2026-11-25T00:00:00Z", "hardware": MACHINE, "state": {},
        "runtimes": [runtime], "absences": [],
    }  # fmt: skip
    monkeypatch.setattr(FactsReader, "kept", KeptFacts(report, boot_seconds(), named_runtimes()))


def test_the_table_is_printed_without_a_portal(
    catalogued: Home, on_a_mac: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit"]) == 0

    said = capsys.readouterr().out
    assert "M4 Pro (20 GPU), 51.5 GB for models (macOS default), 32,768 tokens" in said
    assert "* qwen3-coder-30b" in said
    assert "gpt-oss-120b" not in said


def test_models_that_do_not_fit_are_shown_when_asked(
    catalogued: Home, on_a_mac: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--all", "--context", "4096"]) == 0

    assert "gpt-oss-120b" in capsys.readouterr().out


def test_japanese_columns_stand_below_each_other(
    catalogued: Home, on_a_mac: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "ja")

    main(["fit"])

    assert "最大コンテキスト" in capsys.readouterr().out


def test_json_has_the_rows_of_the_api(catalogued: Home, on_a_mac: None, capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", "--json"])

    rows = json.loads(capsys.readouterr().out)["results"]
    found = next(row for row in rows if (row["model"], row["quantization"]) == ("qwen3-coder-next", "MLX-4bit"))
    assert (found["verdict"], found["basis"]) == ("fits", "formula")


@pytest.mark.parametrize("tokens", ["0", "1000000000000"])
def test_an_odd_context_gets_a_table_all_the_same(
    catalogued: Home, on_a_mac: None, tokens: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", f"--context={tokens}"]) == 0


def test_no_model_is_said_to_take_more_than_its_own_context(
    catalogued: Home, on_a_mac: None, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["fit", "--context=1000000000000", "--all"])

    lines = [line for line in capsys.readouterr().out.splitlines() if "GB" in line][1:]
    assert lines
    assert all(" no: too long " in line for line in lines)


@pytest.mark.parametrize(
    "asked",
    ["--context=-5", "--context=1e12", "--context=10000000000000", f"--context={'9' * 5000}", "--parallel-agents=0"],
)
def test_what_is_no_context_is_refused_with_what_would_be(
    catalogued: Home, on_a_mac: None, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", asked]) == 64

    assert "is no whole number from" in capsys.readouterr().err


def test_what_the_policy_forbids_is_marked(
    home: Home, portal: Portal, on_a_mac: None, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"deny": ["qwen3-coder:30b"]}
    portal.payload = payload_of(catalogue=catalogue_text([read(row) for row in ROWS]), models=models)
    enrolment = Enrolment("http://127.0.0.1:9", machine="m_1", name="ben-mini", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=now())

    main(["fit"])

    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("* qwen3-coder-30b"))
    assert " forbidden " in line


def test_a_machine_without_an_apple_chip_says_so_and_invents_no_speed(
    catalogued: Home, on_a_mac: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MACHINE, "chip", "Apple M9")

    main(["fit", "--json"])

    assert {row["decode_tokens_per_s"] and 1 for row in json.loads(capsys.readouterr().out)["results"]} == {None}


def test_without_a_policy_the_way_out_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit"]) == 5

    assert "kirikae" in capsys.readouterr().err
