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


@pytest.mark.parametrize("tokens", ["-5", "0", "1000000000000000000"])
def test_an_absurd_context_gets_a_table_all_the_same(
    catalogued: Home, on_a_mac: None, tokens: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", f"--context={tokens}"]) == 0


def test_a_machine_without_an_apple_chip_says_so_and_invents_no_speed(
    catalogued: Home, on_a_mac: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MACHINE, "chip", "Apple M9")

    main(["fit", "--json"])

    assert {row["decode_tokens_per_s"] and 1 for row in json.loads(capsys.readouterr().out)["results"]} == {None}


def test_without_a_policy_the_way_out_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit"]) == 5

    assert "kirikae" in capsys.readouterr().err
