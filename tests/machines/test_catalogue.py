"""The catalogue: what ships, what admins change, how it gets into the bundle, and what the fleet's runs add."""

import json
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils.translation import override

from machines.catalogue.choices import SetAside
from machines.catalogue.claims import claims_of, list_claims
from machines.catalogue.entries import Entry, entry_from_document, shipped_entries
from machines.catalogue.files import read_catalogue_file, write_catalogue_file
from machines.catalogue.fleet import hardware_of
from machines.catalogue.models import CatalogueText
from machines.catalogue.queries import current_catalogue, find_entry, list_entries, list_hidden_names
from machines.catalogue.services import refresh_text, remove_entry, restore_entry, save_entries
from machines.catalogue.tables import table_of_configuration
from machines.models import Machine
from machines.services import accept_benchmarks
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.common.problems import Problem
from routing.engine.errors import WireError
from routing.engine.facts import benchmarks_from_document
from routing.engine.fit.candidate import run_of as engine_run_of
from routing.engine.fit.case import machine_of
from routing.engine.fit.table import Question
from tests.machines.conftest import join

pytestmark = pytest.mark.django_db

OWN: dict[str, Any] = {
    "name": "house-7b",
    "title": "House 7B",
    "aliases": ["house/house-7b"],
    "geometry": {"parameters": 7_000_000_000, "layers": 32, "kv_heads": 8, "head_dim": 128, "heads": 32},
    "sizes": {"Q4_K_M": 4_300_000_000},
    "sources": {"geometry": "our own training run"},
}
FLAGSHIP = "qwen3-coder-next"


def own_entry(**changes: Any) -> Entry:
    return entry_from_document(OWN | changes)


def run_of(**changes: Any) -> dict[str, Any]:
    return {
        "runtime": "llama_cpp", "runtime_version": "b1", "model": "qwen3-coder:30b", "quantization": "Q4_K_M",
        "depth_tokens": 512, "prompt_tokens_per_s": 700, "decode_tokens_per_s": 60, "first_token_s": 1.0, "runs": 3,
        "method": "kirikae-1", "measured_at": "2026-11-24T09:00:00Z",
    } | changes  # fmt: skip


def measure(machine: Machine, *runs: dict[str, Any]) -> None:
    accept_benchmarks(machine=machine, benchmarks=benchmarks_from_document({"benchmarks": list(runs)}))


class Rates(NamedTuple):
    decode: float
    prefill: float


def formula_of(machine: Machine) -> Rates:
    """What the formula says of the run above on that machine."""
    (benchmark,) = benchmarks_from_document({"benchmarks": [run_of()]})
    found = engine_run_of(benchmark, machine_of(hardware_of(machine)), current_catalogue())
    assert found.formula_decode is not None
    assert found.formula_prefill is not None
    return Rates(found.formula_decode, found.formula_prefill)


def twin_of(machine: Machine, name: str, owner: User | None = None) -> Machine:
    """Another one of the same chip, and of the same owner where nobody else is named."""
    whose = owner or machine.owner
    assert whose is not None
    twin, _token = join(name, whose)
    same = {field: getattr(machine, field) for field in ("platform", "chip", "gpu_cores", "memory_bytes")}
    Machine.objects.filter(pk=twin.pk).update(**same)
    twin.refresh_from_db()
    return twin


class TestEntries:
    def test_the_shipped_models_are_there_without_any_row(self) -> None:
        assert len(list_entries()) == len(shipped_entries())

    def test_an_admin_adds_a_model(self, aiko) -> None:
        save_entries(entries=[own_entry()], by=aiko)

        found = find_entry("house-7b")

        assert found is not None
        assert (found.is_shipped, found.is_changed) == (False, True)
        assert AuditEntry.objects.filter(action="catalogue.model_added", by=aiko).count() == 1

    def test_saving_what_is_there_already_changes_nothing(self, aiko) -> None:
        assert save_entries(entries=shipped_entries(), by=aiko) == 0
        assert not AuditEntry.objects.filter(action__startswith="catalogue.").exists()

    def test_a_shipped_model_can_be_changed_and_restored(self, aiko) -> None:
        shipped = find_entry(FLAGSHIP)
        assert shipped is not None
        save_entries(entries=[entry_from_document(shipped.document() | {"tier": "basic"})], by=aiko)
        assert find_entry(FLAGSHIP).model.tier == "basic"  # type: ignore[union-attr]

        restore_entry(name=FLAGSHIP, by=aiko)

        assert find_entry(FLAGSHIP) == shipped

    def test_a_shipped_model_can_be_left_out(self, aiko) -> None:
        remove_entry(name=FLAGSHIP, by=aiko)

        assert find_entry(FLAGSHIP) is None
        assert list_hidden_names() == [FLAGSHIP]
        assert current_catalogue().find("qwen3-coder-next:q4_K_M") is None

    def test_one_of_the_teams_own_is_gone_when_removed(self, aiko) -> None:
        save_entries(entries=[own_entry()], by=aiko)

        remove_entry(name="house-7b", by=aiko)

        assert find_entry("house-7b") is None
        assert list_hidden_names() == []

    def test_removing_or_restoring_what_is_not_there_is_said(self, aiko) -> None:
        with pytest.raises(Problem):
            remove_entry(name="nothing", by=aiko)
        with pytest.raises(Problem):
            restore_entry(name=FLAGSHIP, by=aiko)


class TestText:
    def test_a_change_is_in_force_at_once(self, aiko) -> None:
        save_entries(entries=[own_entry()], by=aiko)

        assert current_catalogue().find("house/house-7b-Q4_K_M.gguf") is not None

    @pytest.mark.parametrize("name", ["aaa-7b", "zzz-7b"])
    def test_no_alias_takes_another_models_name_away(self, aiko, name: str) -> None:
        save_entries(entries=[own_entry(name=name, aliases=[FLAGSHIP, "house:7b"])], by=aiko)

        assert [current_catalogue().find(asked).name for asked in (f"{FLAGSHIP}:q4_K_M", "house:7b", name)] == [  # type: ignore[union-attr]
            FLAGSHIP, name, name,
        ]  # fmt: skip

    def test_nothing_is_written_when_nothing_changed(self) -> None:
        assert refresh_text() is True
        assert refresh_text() is False

    def test_only_the_newest_text_is_kept(self, aiko) -> None:
        refresh_text()
        save_entries(entries=[own_entry()], by=aiko)

        assert CatalogueText.objects.count() == 1

    def test_reading_the_catalogue_costs_one_query_once_it_is_parsed(self, django_assert_num_queries) -> None:
        refresh_text()
        current_catalogue()

        with django_assert_num_queries(1):
            current_catalogue()


class TestFiles:
    def test_what_was_exported_can_be_imported(self) -> None:
        text = write_catalogue_file(list_entries())

        assert [entry.document() for entry in read_catalogue_file(text.encode())] == [
            entry.document() for entry in list_entries()
        ]

    def test_the_command_imports_as_the_operator(self, tmp_path: Path) -> None:
        file = tmp_path / "models.yaml"
        file.write_text(yaml.safe_dump({"models": [OWN]}))

        call_command("catalogue", "import", str(file), stdout=StringIO())

        assert find_entry("house-7b") is not None
        assert AuditEntry.objects.get(action="catalogue.model_added").actor == "operator at the command line"

    def test_the_command_exports_what_is_in_force(self) -> None:
        out = StringIO()

        call_command("catalogue", "export", stdout=out)

        assert len(yaml.safe_load(out.getvalue())["models"]) == len(shipped_entries())

    def test_an_import_with_a_mistake_changes_nothing_and_names_the_field(self, tmp_path: Path) -> None:
        file = tmp_path / "models.yaml"
        file.write_text(yaml.safe_dump({"models": [OWN, {"name": "b", "geometry": {"layers": -1}}]}))

        with pytest.raises(CommandError, match=r"models\.yaml: models\[1\]\.geometry\.layers: found -1"):
            call_command("catalogue", "import", str(file))
        assert find_entry("house-7b") is None

    def test_a_name_that_stands_twice_is_refused(self) -> None:
        content = json.dumps({"models": [OWN, {"name": "b"}, OWN]}).encode()

        with pytest.raises(WireError, match=r"models\[2\]\.name: found 'house-7b' again; allowed: each name once"):
            read_catalogue_file(content)

    @pytest.mark.parametrize("sizes", [{"Q4_K_M": 1, "q4_k_m": 2}, {"4bit": 1, "MLX-4bit": 2}], ids=str)
    def test_sizes_name_each_quantization_once(self, sizes: dict[str, int]) -> None:
        with pytest.raises(WireError, match="allowed: the name of each quantization, once"):
            entry_from_document(OWN | {"sizes": sizes})

    @pytest.mark.parametrize("field", ["sizes", "install", "scores", "sources"])
    @pytest.mark.parametrize(
        ("names", "told"),
        [
            ([""], "found ''; allowed: names of 1 to 200 characters"),
            (["Q4" * 101], "found a text of 202 characters; allowed: names of 1 to 200 characters"),
            ([f"Q{number}" for number in range(41)], "found 41 entries; allowed: 0 to 40 entries"),
        ],
        ids=["empty", "long", "many"],
    )
    def test_names_are_told_when_they_are_odd_or_too_many(self, field: str, names: list[str], told: str) -> None:
        with pytest.raises(WireError, match=rf"{field}: .*{told}"):
            entry_from_document(OWN | {field: dict.fromkeys(names, 1 if field == "sizes" else "x")})

    def test_an_unknown_field_of_a_model_is_refused_with_its_place(self) -> None:
        with pytest.raises(WireError, match=r"models\[1\]\.bandwidth"):
            read_catalogue_file(b"models: [{name: a}, {name: b, bandwidth: 1}]")

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [", b"x: &a 1\ny: *a", b"[]", b"models: 3", b"models: [1]"])
    def test_a_file_that_is_no_catalogue_is_refused(self, content: bytes) -> None:
        with pytest.raises(WireError):
            read_catalogue_file(content)


class TestFleet:
    def test_a_run_sharpens_the_estimates_of_the_teams_other_macs(self, mac) -> None:
        measure(mac, run_of())
        refresh_text()

        found = [(one.model, one.chip, one.quantization) for one in current_catalogue().fleet]

        assert found == [("qwen3-coder-30b", "M4 Pro", "Q4_K_M")]

    def test_a_run_that_is_no_speed_of_the_chip_is_set_aside_and_says_why(self, mac) -> None:
        measure(mac, run_of(decode_tokens_per_s=2_000))
        refresh_text()

        assert mac.benchmarks.get().set_aside == SetAside.IMPLAUSIBLE
        assert current_catalogue().fleet == ()

    def test_a_run_taken_while_memory_was_short_is_set_aside(self, mac) -> None:
        mac.health.situation = {"memory_pressure": "critical"}
        mac.health.save()

        measure(mac, run_of())

        assert mac.benchmarks.get().set_aside == SetAside.PRESSURE

    def test_what_the_run_itself_says_goes_before_what_the_machine_said_last(self, mac) -> None:
        mac.health.situation = {"memory_pressure": "critical"}
        mac.health.save()

        measure(mac, run_of(memory_pressure="normal", low_power=True))

        assert mac.benchmarks.get().set_aside == SetAside.LOW_POWER

    def test_a_model_that_nobody_knows_is_believed_but_speaks_for_nobody_else(self, mac) -> None:
        measure(mac, run_of(model="house-model"))
        refresh_text()

        assert mac.benchmarks.get().set_aside == ""
        assert current_catalogue().fleet == ()

    def test_a_mac_that_is_another_chip_than_it_says_moves_nobody(self, mac) -> None:
        """An M4 Max that calls itself an M4 Pro: half as fast again."""
        measure(mac, run_of(decode_tokens_per_s=formula_of(mac).decode * 1.6))
        refresh_text()

        assert mac.benchmarks.get().set_aside == SetAside.IMPLAUSIBLE
        assert current_catalogue().fleet == ()

    def test_one_mac_counts_for_half_and_those_of_three_people_for_their_middle(self, mac, aiko, chie) -> None:
        rates = formula_of(mac)
        measure(mac, run_of(decode_tokens_per_s=rates.decode * 1.3))
        refresh_text()
        (alone,) = current_catalogue().fleet
        for owner, factor in ((aiko, 0.9), (chie, 0.8)):
            measure(twin_of(mac, owner.name, owner), run_of(decode_tokens_per_s=rates.decode * factor))
        refresh_text()
        (together,) = current_catalogue().fleet

        assert alone.decode == pytest.approx(1.3**0.5, abs=0.01)
        assert together.decode == pytest.approx(0.9, abs=0.01)

    def test_who_enrols_many_macs_has_one_voice(self, mac, aiko, chie) -> None:
        rates = formula_of(mac)
        measure(mac, run_of(decode_tokens_per_s=rates.decode * 1.0))
        measure(twin_of(mac, "honest", aiko), run_of(decode_tokens_per_s=rates.decode * 0.98))
        for number in range(5):
            measure(twin_of(mac, f"invented-{number}", chie), run_of(decode_tokens_per_s=rates.decode * 0.55))
        refresh_text()

        (factor,) = current_catalogue().fleet

        assert factor.decode == pytest.approx(0.98, abs=0.01)

    def test_macs_without_an_owner_have_one_voice_together(self, mac) -> None:
        rates = formula_of(mac)
        measure(mac, run_of(decode_tokens_per_s=rates.decode * 1.3))
        for number in range(3):
            measure(twin_of(mac, f"joined-{number}"), run_of(decode_tokens_per_s=rates.decode * 1.3))
        Machine.objects.exclude(pk=mac.pk).update(owner=None)
        refresh_text()

        (factor,) = current_catalogue().fleet

        assert factor.decode == pytest.approx(1.3**0.5, abs=0.01)

    def test_a_mac_in_quarantine_speaks_for_nobody(self, mac) -> None:
        measure(mac, run_of())
        mac.health.quarantine = "cloned"
        mac.health.save()

        refresh_text()

        assert current_catalogue().fleet == ()

    def test_a_prompt_that_was_in_a_cache_says_nothing_about_reading(self, mac) -> None:
        measure(mac, run_of(prompt_tokens_per_s=formula_of(mac).prefill * 2.5))
        refresh_text()

        (factor,) = current_catalogue().fleet
        assert factor.prefill is None


HOSTILE = [
    {"name": "a/b"}, {"name": "../x"}, {"name": "new"}, {"name": "x\ny"}, {"name": "<script>"}, {"name": "UPPER"},
    {"name": " "}, {"name": "x\u202egpj"}, {"name": "a" * 81}, {"name": "ok", "title": "two\nlines"},
    {"name": "ok", "install": {"ollama": "ollama pull x\nrm -rf ~"}},
    {"name": "ok", "install": {"ollama": "ollama pull \u202ex"}},
    {"name": "ok", "install": {"elsewhere": "get it"}}, {"name": "ok", "aliases": ["a\x00b"]},
    {"name": "ok", "sources": {"<b>\x07": "x"}}, {"name": "ok", "geometry": {"layers": 10**9}},
    {"name": "ok", "sizes": {"Q4_K_M": 2**60}},
]  # fmt: skip
ODD = [
    {"name": "markup", "title": "<img src=x onerror=alert(1)>", "licence": "<i>", "note": "<script>alert(1)</script>"},
    {
        "name": "huge",
        "geometry": {
            "parameters": 10**14, "layers": 2**14, "heads": 2**24, "kv_heads": 2**24, "head_dim": 2**24,
            "hidden_size": 2**24, "context_tokens": 2**31, "vocabulary": 2**24,
        },
        "sizes": {"Q4_K_M": 2**50},
    },
    {
        "name": "tiny",
        "geometry": {
            "parameters": 1, "active_parameters": 1, "layers": 1, "heads": 1, "kv_heads": 1, "head_dim": 1,
            "hidden_size": 1, "context_tokens": 1, "experts": 1, "experts_used": 1,
        },
        "sizes": {"Q4_K_M": 1, "MLX-4bit": 1},
    },
    {
        "name": "zeros",
        "geometry": {"parameters": 0, "active_parameters": 0, "layers": 0, "hidden_size": 0, "context_tokens": 0},
        "sizes": {"Q4_K_M": 1, "x": 5},
    },
    {
        "name": "muddled",
        "geometry": {
            "parameters": 100, "active_parameters": 50, "layers": 1, "experts": 2, "experts_used": 2**24,
            "hidden_size": 2**24, "full_layers": 99, "sliding_layers": 99, "linear_layers": 99, "sliding_window": 0,
            "kv_heads": 1, "head_dim": 1,
        },
        "sizes": {"Q4_K_M": 5_000_000_000},
    },
]  # fmt: skip


class TestHostileModels:
    @pytest.mark.parametrize("document", HOSTILE)
    def test_what_would_break_a_page_or_fool_a_reader_is_refused(self, document: dict[str, object]) -> None:
        with pytest.raises(WireError):
            entry_from_document(document)

    @pytest.mark.parametrize("document", ODD, ids=lambda one: str(one["name"]))
    def test_odd_models_break_no_page(self, document: dict[str, object], aiko, client_of) -> None:
        save_entries(entries=[entry_from_document(document)], by=aiko)
        browser = client_of(aiko)

        for address in (
            "/catalogue/",
            f"/catalogue/{document['name']}/",
            f"/catalogue/{document['name']}/edit",
            "/what-if?show=every&runtime=llama_cpp&agents=8&step=6",
        ):
            answer = browser.get(address)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.content.decode()
            assert "<img src=x" not in answer.content.decode()


class TestClaims:
    def test_each_claim_has_its_verdict_and_reason_in_both_languages(self) -> None:
        for claim in list_claims():
            for language in ("en", "ja"):
                with override(language):
                    assert claim.text
                    assert claim.why
            assert claim.model is None or find_entry(claim.model) is not None

    def test_the_flagships_claims_are_found_with_it(self) -> None:
        assert [(claim.id, claim.verdict) for claim in claims_of(FLAGSHIP)] == [
            ("coder-next-memory", "wrong"),
            ("coder-next-speed", "wrong"),
        ]

    def test_what_bandwidth_forbids_is_more_than_the_formula_ever_says(self) -> None:
        """The claims of 20 to 60 tokens/s for dense models of 32 and 70 billion weights on an M4 Pro."""
        table = table_of_configuration(Question(context_tokens=512), chip="M4 Pro", gpu_cores=20, memory_gb=64)

        fastest = {
            row.name: row.estimate.decode_tokens_per_s[1]
            for row in table.rows
            if row.estimate.decode_tokens_per_s is not None and row.quantization == "Q4_K_M"
        }
        assert fastest["llama-3.3-70b"] < 10
        assert fastest["qwen2.5-coder-32b"] < 20
        assert fastest["qwen3-coder-next"] < 100
