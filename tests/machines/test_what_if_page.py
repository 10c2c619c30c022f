"""Macs that nobody has yet: one, or two side by side, all of it in the address."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from machines.fit.what_if import what_if
from portal.accounts.models import User
from portal.common.models import PolicyHead
from portal.common.policy_head import get_head
from routing.publishing import publish_revision

type ClientOf = Callable[[User], Client]

SMALL_AND_LARGE = {"mac": "M4/10", "memory": "24", "other": "M4 Max/40", "other_memory": "128"}


def best_of(head: PolicyHead) -> str:
    best = what_if({"mac": "M4 Max/40", "memory": "128"}, head=head).sides[0].best
    return best.row.name if best else ""


@pytest.mark.django_db
def test_one_mac_gets_the_same_table_as_a_machine() -> None:
    found = what_if({"mac": "M5 Pro/20", "memory": "48"}, head=PolicyHead())

    (side,) = found.sides
    assert side.label == "M5 Pro · 20 GPU · 48 GB"
    assert side.good <= side.fitting <= side.models
    assert side.sections
    assert found.pairs == []


@pytest.mark.django_db
def test_more_memory_and_a_faster_chip_never_run_less() -> None:
    small, large = what_if(SMALL_AND_LARGE, head=PolicyHead()).sides

    assert large.fitting > small.fitting
    assert large.good > small.good


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ({"mac": "M4/10", "memory": "16"}, "Ollama starts models with 4,096 tokens on this Mac"),
        ({"mac": "M4 Max/40", "memory": "128", "runtime": "llama_cpp", "agents": "4"}, "4 agents at once"),
    ],
)
def test_what_goes_wrong_on_such_a_mac_is_said_before_it_is_bought(asked: dict[str, str], title: str) -> None:
    (side,) = what_if(asked, head=PolicyHead()).sides

    assert [warning.title for warning in side.warnings] == [title]


@pytest.mark.django_db
def test_a_large_mac_is_told_of_models_that_do_not_fit_with_the_context_ollama_takes() -> None:
    (side,) = what_if({"mac": "M4 Max/40", "memory": "64"}, head=PolicyHead()).sides

    (warning,) = side.warnings
    assert warning.title == "Ollama starts models with 262,144 tokens on this Mac"
    assert "QwQ-32B" in warning.text
    assert warning.command == "launchctl setenv OLLAMA_CONTEXT_LENGTH 65536"


@pytest.mark.django_db
def test_ollamas_context_is_nothing_to_who_runs_another_server() -> None:
    (side,) = what_if({"mac": "M4/10", "memory": "16", "runtime": "llama_cpp"}, head=PolicyHead()).sides

    assert side.warnings == []


@pytest.mark.django_db
def test_pairs_hold_the_same_model_on_both_sides() -> None:
    for pair in what_if(SMALL_AND_LARGE, head=PolicyHead()).pairs:
        first, second = pair.lines
        assert first.row.name == second.row.name


@pytest.mark.django_db
@pytest.mark.parametrize("odd", [{"mac": "M99/1"}, {"memory": "7"}, {"other": "elf"}, {"other_memory": "-1"}])
def test_a_mac_that_does_not_exist_counts_as_not_asked(odd: dict[str, str]) -> None:
    found = what_if(odd, head=PolicyHead())

    assert [side.label for side in found.sides] == ["M4 Pro · 20 GPU · 64 GB"]


def test_page_compares_two_macs_and_changes_its_results_alone(ben: User, client_of: ClientOf) -> None:
    browser = client_of(ben)

    page = browser.get("/what-if", SMALL_AND_LARGE).content.decode()
    part = browser.get("/what-if", SMALL_AND_LARGE, headers={"HX-Request": "true"}).content.decode()

    for words in ("M4 · 10 GPU · 24 GB", "M4 Max · 40 GPU · 128 GB", "Best for Claude Code", "Model by model"):
        assert words in page, words
        assert words in part, words
    assert "<html" not in part


def test_page_takes_a_recorded_number_of_queries(
    ben: User, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    browser = client_of(ben)

    # Session, person, head of the policy, changes of the catalogue, and the catalogue for each of two Macs.
    with django_assert_num_queries(6):
        browser.get("/what-if", SMALL_AND_LARGE)


def test_a_model_that_the_policy_forbids_is_never_the_best(aiko: User, client_of: ClientOf) -> None:
    before = best_of(PolicyHead())
    publish_revision(document={"version": 1, "models": {"deny": [f"{before}*"]}}, by=aiko)

    page = client_of(aiko).get("/what-if?mac=M4+Max/40&memory=128").content.decode()

    assert f"The policy forbids {before}*" in page
    assert best_of(get_head()) not in ("", before)
