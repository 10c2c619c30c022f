"""The catalogue for people: the list and its claims, one model across the fleet, and changing it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from machines.catalogue.claims import list_claims
from machines.catalogue.queries import find_entry, get_entry
from machines.models import Benchmark, Machine
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from routing.publishing import publish_revision
from tests.machines.conftest import BENCHMARK, Agent, join
from tests.machines.test_fit_pages import CODER_NEXT, report_with

type ClientOf = Callable[[User], Client]

MODEL = "/catalogue/qwen3-coder-next/"
RUN = BENCHMARK | {
    "runtime": "ollama",
    "model": "qwen3-coder-next",
    "quantization": "Q4_K_M",
    "depth_tokens": 4096,
    "prompt_tokens_per_s": 585.0,
    "decode_tokens_per_s": 43.0,
}
RECOMMENDED = {
    "qwen3-coder-next": "Qwen3-Coder-Next 80B-A3B",
    "gpt-oss-20b": "gpt-oss-20b",
    "gpt-oss-120b": "gpt-oss-120b",
    "phi-4": "Phi-4",
}
ADDED: dict[str, str] = {
    "name": "our-model-7b",
    "title": "Our model 7B",
    "aliases": "our-model:7b\nour/model",
    "tier": "good",
    "tools": "yes",
    "production": "no",
    "licence": "own",
    "sizes": "Q4_K_M: 4700000000",
    "install": "ollama: ollama pull our-model:7b",
    "geometry": "architecture: llama\nlayers: 32\nkv_heads: 8\nhead_dim: 128\nparameters: 7000000000",
    "scores": "SWE-bench Verified: 12.0",
}


@pytest.fixture
def reported(agent: Agent, mac: Machine) -> Machine:
    agent.post("reports", report_with(CODER_NEXT))
    agent.post("benchmarks", {"benchmarks": [RUN, RUN | {"decode_tokens_per_s": 900.0, "depth_tokens": 512}]})
    mac.refresh_from_db()
    return mac


def test_list_tells_ratings_with_their_score_licences_and_what_is_unverified(ben: User, client_of: ClientOf) -> None:
    page = client_of(ben).get("/catalogue/").content.decode()

    for words in (
        "Qwen3-Coder-Next",
        "SWE-bench Verified 70.6",
        "licence excludes production",
        "unverified",
        "apache-2.0",
        "Q4_K_M 48.5 GB",
        "49 of 49 models",
    ):
        assert words in page, words
    assert "Add a model" not in page


def test_claims_stand_with_a_verdict_and_why(ben: User, client_of: ClientOf) -> None:
    page = client_of(ben).get("/catalogue/").content.decode()

    for claim in list_claims():
        assert escape(claim.text) in page
        assert escape(claim.why) in page
    assert "Half true" in page


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("find=devstral", "devstral-small-2", "gpt-oss-20b"),
        ("only=tools", "gpt-oss-20b", "starcoder2-7b"),
        ("only=production", "gpt-oss-20b", "codestral-22b"),
        ("tier=strong", "qwen3-coder-next", "starcoder2-7b"),
        ("only=elves", "gpt-oss-20b", "no such model"),
    ],
)
def test_list_can_be_narrowed(query: str, there: str, not_there: str, ben: User, client_of: ClientOf) -> None:
    part = client_of(ben).get(f"/catalogue/?{query}", headers={"HX-Request": "true"}).content.decode()

    assert f"/catalogue/{there}/" in part
    assert f"/catalogue/{not_there}/" not in part
    assert "<html" not in part


def test_model_page_shows_its_macs_measured_runs_and_those_set_aside(
    reported: Machine, ben: User, client_of: ClientOf
) -> None:
    page = client_of(ben).get(MODEL).content.decode()

    for words in (
        "Which Macs run it",
        "ben-mini",
        "Apple M4 Pro",
        "measured",
        "43 tokens/s",
        "Set aside: Not a speed of this chip with this model",
        "<polygon",
        "Expected range",
        "Source of sizes",
    ):
        assert words in page, words
    assert page.count('<circle class="pt"') == 2  # the legend's and that of the run which counts


def test_slider_of_the_model_page_changes_its_fleet_alone(reported: Machine, ben: User, client_of: ClientOf) -> None:
    part = client_of(ben).get(f"{MODEL}?step=6", headers={"HX-Request": "true"}).content.decode()

    assert "ben-mini" in part
    assert "Does not fit" in part
    assert "<html" not in part


def test_chie_sees_the_model_but_no_mac_and_no_run_of_ben(reported: Machine, chie: User, client_of: ClientOf) -> None:
    page = client_of(chie).get(f"{MODEL}?mac={reported.public_id}").content.decode()

    assert "ben-mini" not in page
    assert "43 tokens/s" not in page
    assert "None of your Macs has reported yet." in page


def test_pages_take_the_same_number_of_queries_for_any_number_of_macs(
    reported: Machine, aiko: User, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    for name in ("one", "two", "three"):
        _, token = join(name)
        Agent(Client(), token).post("reports", report_with(CODER_NEXT))
    browser = client_of(aiko)

    with django_assert_num_queries(4):  # session, person, head of the policy, changes of the catalogue
        browser.get("/catalogue/")
    with django_assert_num_queries(7):  # and the catalogue, machines, benchmarks
        browser.get(MODEL)


def test_unknown_models_are_not_found(ben: User, client_of: ClientOf) -> None:
    assert client_of(ben).get("/catalogue/no-such-model/").status_code == 404


def test_an_admin_adds_a_model_and_its_estimates_begin(aiko: User, client_of: ClientOf) -> None:
    answer = client_of(aiko).post("/catalogue/new", ADDED)

    assert answer["Location"] == "/catalogue/our-model-7b/"
    entry = get_entry("our-model-7b")
    assert entry.model.sizes == {"Q4_K_M": 4_700_000_000}
    assert entry.model.aliases == ("our-model:7b", "our/model")
    assert entry.model.may_produce is False
    assert entry.model.shape.layers == 32
    assert entry.model.install == {"ollama": "ollama pull our-model:7b"}
    assert AuditEntry.objects.filter(action="catalogue.model_added", by=aiko).exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "Our Model"}, "Lower-case letters, digits"),
        ({"name": "new"}, "taken by a page"),
        ({"name": "gpt-oss-20b"}, "has a model of this name already"),
        ({"sizes": "Q4_K_M: much"}, "sizes"),
        ({"geometry": "layers: -3"}, "geometry"),
        ({"geometry": "elves: 3"}, "geometry"),
        ({"title": ""}, "required"),
    ],
)
def test_wrong_figures_are_said_at_their_field_and_nothing_is_saved(
    wrong: dict[str, str], said: str, aiko: User, client_of: ClientOf
) -> None:
    answer = client_of(aiko).post("/catalogue/new", ADDED | wrong)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert find_entry("our-model-7b") is None


def test_an_admin_changes_a_shipped_model_and_puts_it_back(aiko: User, client_of: ClientOf) -> None:
    browser = client_of(aiko)
    form = browser.get(f"{MODEL}edit").context["form"]
    asked = {name: form[name].value() or "" for name in form.fields if name != "verified"}

    browser.post(f"{MODEL}edit", asked | {"tier": "basic", "verified": "on"})
    changed = get_entry("qwen3-coder-next")
    browser.post(f"{MODEL}restore")
    restored = get_entry("qwen3-coder-next")

    assert (changed.model.tier, changed.is_changed) == ("basic", True)
    assert changed.model._replace(tier=restored.model.tier) == restored.model
    assert (restored.model.tier, restored.is_changed) == ("strong", False)


def test_saving_a_model_as_it_is_changes_nothing(aiko: User, client_of: ClientOf) -> None:
    browser = client_of(aiko)
    form = browser.get(f"{MODEL}edit").context["form"]
    asked = {name: form[name].value() or "" for name in form.fields if name != "verified"}

    browser.post(f"{MODEL}edit", asked | {"verified": "on"})

    assert not get_entry("qwen3-coder-next").is_changed


def test_an_admin_takes_a_model_out(aiko: User, client_of: ClientOf) -> None:
    client_of(aiko).post(f"{MODEL}remove")

    assert find_entry("qwen3-coder-next") is None


@pytest.mark.parametrize("path", ["/catalogue/new", f"{MODEL}edit", f"{MODEL}remove", f"{MODEL}restore"])
def test_ben_changes_no_model(path: str, ben: User, client_of: ClientOf) -> None:
    assert client_of(ben).post(path, ADDED).status_code == 403
    assert find_entry("our-model-7b") is None
    assert find_entry("qwen3-coder-next") is not None
    assert Benchmark.objects.count() == 0


def test_who_misses_a_recommended_model_is_shown_to_those_who_may_see_the_mac(
    reported: Machine, aiko: User, ben: User, chie: User, client_of: ClientOf
) -> None:
    models = {
        "recommended": ["qwen3-coder-next", "gpt-oss-20b"],
        "recommended_by_memory": [{"from_gb": 64, "models": ["gpt-oss-120b"]}, {"from_gb": 128, "models": ["phi-4"]}],
        "deny": ["gpt-oss-120b"],
    }
    publish_revision(document={"version": 1, "models": models}, by=aiko)

    _, _, table = client_of(ben).get("/catalogue/").content.decode().partition('id="recommended"')
    rows = {name: table.partition(title)[2].partition("</tr>")[0] for name, title in RECOMMENDED.items()}

    assert reported.public_id in rows["gpt-oss-20b"]
    assert reported.public_id not in rows["qwen3-coder-next"], "it is installed"
    assert "1 Mac is too small for it" in rows["gpt-oss-120b"]
    assert reported.public_id not in rows["phi-4"], "it is for larger Macs"
    assert reported.public_id not in client_of(chie).get("/catalogue/").content.decode()


def test_a_models_page_tells_that_the_policy_recommends_or_forbids_it(
    reported: Machine, aiko: User, ben: User, client_of: ClientOf
) -> None:
    models = {"recommended": ["gpt-oss-20b"], "deny": ["qwen3-coder-next"]}
    publish_revision(document={"version": 1, "models": models}, by=aiko)

    recommended = client_of(ben).get("/catalogue/gpt-oss-20b/").content.decode()
    forbidden = client_of(ben).get(MODEL).content.decode()

    assert "The policy recommends this model." in recommended
    assert reported.name in recommended.partition("The policy recommends this model.")[2]
    assert "The policy forbids qwen3-coder-next" in forbidden


def test_mac_that_is_slower_than_the_chip_it_claims_is_doubted_on_its_page(
    agent: Agent, mac: Machine, ben: User, client_of: ClientOf
) -> None:
    claimed = report_with(CODER_NEXT)
    claimed["hardware"] |= {"chip": "Apple M5 Max", "gpu_cores": 40}
    agent.post("reports", claimed)
    agent.post("benchmarks", {"benchmarks": [RUN | {"prompt_tokens_per_s": 60.0, "decode_tokens_per_s": 20.0}]})

    page = client_of(ben).get(f"/machines/{mac.public_id}/").content.decode()

    assert "What it measured is no speed of the Apple M5 Max that it says it is." in page
    assert "Set aside: Not a speed of this chip with this model" in page


def test_mac_whose_runs_count_is_not_doubted(reported: Machine, ben: User, client_of: ClientOf) -> None:
    Benchmark.objects.exclude(set_aside="").delete()

    assert "that it says it is" not in client_of(ben).get(f"/machines/{reported.public_id}/").content.decode()
