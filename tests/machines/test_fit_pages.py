"""What a Mac can run, on its page: groups, memory, warnings, what is asked in the address, and who may see it."""

import re
from collections.abc import Callable
from copy import deepcopy
from time import process_time
from typing import Any

import pytest
from django.test import Client

from machines.catalogue.queries import list_entries
from machines.catalogue.tables import table_of_machine
from machines.fit.forms import MOST_FIRST, FitForm, read_form
from machines.fit.lines import Group, lines_of, sections_of
from machines.fit.recommended import missing_recommended
from machines.fit.warnings import list_warnings
from machines.models import Machine
from portal.accounts.models import User
from routing.publishing import publish_revision
from tests.machines.conftest import REPORT, Agent

type ClientOf = Callable[[User], Client]

CODER_NEXT: dict[str, Any] = {
    "name": "qwen3-coder-next",
    "quantization": "Q4_K_M",
    "format": "gguf",
    "size_bytes": 48_490_000_000,
    "remote": False,
}


def report_with(*models: dict[str, Any], kind: str = "ollama", **state: Any) -> dict[str, Any]:
    report = deepcopy(REPORT)
    runtime = {"kind": kind, "base_url": "http://127.0.0.1:11434", "state": "up", "models": list(models)}
    return report | {"runtimes": [runtime], "state": report["state"] | state}


@pytest.fixture
def reported(agent: Agent, mac: Machine) -> Machine:
    """Ben's M4 Pro with 64 GB, with Ollama and one large model."""
    assert agent.post("reports", report_with(CODER_NEXT)).status_code < 300
    mac.refresh_from_db()
    return mac


def panel_lines(machine: Machine, **asked: str) -> Any:
    form = read_form(FitForm, asked, runtime="ollama")
    table = table_of_machine(machine, form.question)
    return form, table, lines_of(table.rows, list_entries())


def warnings_of(machine: Machine, **asked: str) -> list[str]:
    _, table, lines = panel_lines(machine, **asked)
    return [f"{one.title} {one.text} {one.command or ''}" for one in list_warnings(machine, table, lines)]


def test_quick_model_is_called_good_for_claude_code_only_with_a_rating_for_it(reported: Machine) -> None:
    _, _, lines = panel_lines(reported, show="every")

    quick = {line.row.name: line.group for line in lines if line.group in (Group.GOOD, Group.SIMPLE)}
    assert quick["qwen3.6-35b-a3b"] is Group.GOOD
    assert quick["qwen2.5-coder-1.5b"] is Group.SIMPLE


def test_page_tells_what_runs_with_how_it_is_known_and_how_to_install_it(
    reported: Machine, ben: User, client_of: ClientOf
) -> None:
    page = client_of(ben).get(f"/machines/{reported.public_id}/").content.decode()

    for words in (
        "What this Mac can run",
        "GPU limit 51.5 GB",
        "Good for Claude Code here",
        "Runs, but you wait",
        "For completion only",
        "Does not fit at this context",
        "estimated",
        "Installed",
        'data-copy="ollama pull',
        "weights 48.5 GB, KV cache",
        "At 32K tokens of context, 1 agent",
    ):
        assert words in page, words


def test_installed_weights_are_held_against_the_limit_of_the_table(
    agent: Agent, mac: Machine, ben: User, client_of: ClientOf
) -> None:
    report = report_with(CODER_NEXT)
    report["hardware"] = report["hardware"] | {"gpu_limit_bytes": None}
    assert agent.post("reports", report).status_code == 200

    page = client_of(ben).get(f"/machines/{mac.public_id}/").content.decode()

    assert "GPU limit 51.5 GB" in page
    assert "Weights against 51.5 GB" in page
    assert "Memory may be 4 % more or less." in page


def test_slider_answers_with_the_results_alone_and_puts_the_choice_into_the_address(
    reported: Machine, ben: User, client_of: ClientOf
) -> None:
    address = f"/machines/{reported.public_id}/fit?step=5&kind=mlx&agents=1"

    answer = client_of(ben).get(address, headers={"HX-Request": "true"})

    assert "At 128K tokens of context" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "GGUF" not in answer.content.decode()
    assert answer["HX-Replace-Url"] == f"/machines/{reported.public_id}/?step=5&kind=mlx"


def test_without_script_the_same_choice_stands_on_the_page(reported: Machine, ben: User, client_of: ClientOf) -> None:
    browser = client_of(ben)

    page = browser.get(f"/machines/{reported.public_id}/?step=5").content.decode()
    sent_on = browser.get(f"/machines/{reported.public_id}/fit?step=5")

    assert "At 128K tokens of context" in page
    assert sent_on["Location"] == f"/machines/{reported.public_id}/?step=5#fit"


@pytest.mark.parametrize("query", ["step=99", "step=-1", "step=x", "kind=elf", "agents=1000000", "sort=%00", "find="])
def test_nonsense_in_the_address_counts_as_not_asked(
    query: str, reported: Machine, ben: User, client_of: ClientOf
) -> None:
    page = client_of(ben).get(f"/machines/{reported.public_id}/?{query}")

    assert "At 32K tokens of context, 1 agent" in page.content.decode()


def test_chie_gets_no_table_of_ben(reported: Machine, chie: User, client_of: ClientOf) -> None:
    assert client_of(chie).get(f"/machines/{reported.public_id}/fit").status_code == 404


def test_a_mac_without_a_report_has_no_table(mac: Machine, ben: User, client_of: ClientOf) -> None:
    page = client_of(ben).get(f"/machines/{mac.public_id}/")

    assert "What this Mac can run" not in page.content.decode()
    assert client_of(ben).get(f"/machines/{mac.public_id}/fit", headers={"HX-Request": "true"}).status_code == 302


def test_groups_keep_their_promise(reported: Machine) -> None:
    _, _, lines = panel_lines(reported, show="every")

    for line in lines:
        found = line.row.estimate
        if line.group is Group.GOOD:
            assert found.first_token_s[1] <= 120
            assert found.decode_tokens_per_s[0] >= 20
            assert line.row.model.has_tools is not False
        if line.group is Group.NO:
            assert found.verdict == "too_large" or line.is_beyond_window


def test_each_model_has_one_line_unless_every_form_is_asked_for(reported: Machine) -> None:
    form, _, lines = panel_lines(reported)
    every, _, _ = panel_lines(reported, show="every")

    best = [line for section in sections_of(lines, form) for line in section.lines]
    names = [line.row.name for line in best if not line.row.is_installed]

    assert len(names) == len(set(names))
    assert sum(len(section.lines) for section in sections_of(lines, every)) == len(lines)


@pytest.mark.parametrize("sort", ["name", "-name", "memory", "-memory", "context", "speed", "wait", "-wait", "-rating"])
def test_sorting_keeps_groups_and_lines(sort: str, reported: Machine) -> None:
    plain, _, lines = panel_lines(reported)
    sorted_form, _, _ = panel_lines(reported, sort=sort)

    before, after = sections_of(lines, plain), sections_of(lines, sorted_form)

    assert [section.group for section in before] == [section.group for section in after]
    assert sum(len(section.lines) for section in before) == sum(len(section.lines) for section in after)


@pytest.mark.parametrize(
    ("column", "figure"),
    [
        ("memory", lambda line: line.row.estimate.memory.total_bytes),
        ("context", lambda line: line.row.most_context_tokens),
        ("speed", lambda line: line.row.estimate.decode_tokens_per_s[0]),
        ("wait", lambda line: line.row.estimate.first_token_s[1]),
    ],
)
def test_a_head_pressed_twice_turns_the_order_round(
    column: str, figure: Callable[[Any], float], reported: Machine
) -> None:
    def figures(sort: str) -> list[list[float]]:
        form, _, lines = panel_lines(reported, sort=sort, show="every")
        return [[figure(line) for line in section.lines] for section in sections_of(lines, form)]

    once, twice = figures(column), figures(f"-{column}")

    assert once == [sorted(part, reverse=column in MOST_FIRST) for part in once]
    assert twice == [sorted(part, reverse=column not in MOST_FIRST) for part in twice]


def test_heads_tell_the_order_and_work_without_script(reported: Machine, ben: User, client_of: ClientOf) -> None:
    page = client_of(ben).get(f"/machines/{reported.public_id}/?sort=-speed").content.decode()

    head = r'aria-sort="ascending">\s*<button id="sort-speed" type="submit" form="fit-form" name="sort" value="speed"'
    assert re.search(head, page)
    assert page.count("aria-sort") == 1
    assert '<input type="hidden" form="fit-form" name="sort" value="-speed">' in page


def test_a_forbidden_model_is_marked_with_the_reason_and_offers_no_command(
    reported: Machine, aiko: User, ben: User, client_of: ClientOf
) -> None:
    publish_revision(document={"version": 1, "models": {"deny": ["qwen3-coder-next*"]}}, by=aiko)

    page = client_of(ben).get(f"/machines/{reported.public_id}/").content.decode()

    _, _, rest = page.partition("Forbidden by the policy")
    forbidden, _, _ = rest.partition("</tbody>")
    assert "Qwen3-Coder-Next" in forbidden
    assert "The policy forbids qwen3-coder-next*" in forbidden
    assert "Installed" in forbidden
    assert "data-copy" not in forbidden


def test_what_the_policy_does_not_allow_is_marked_too(
    reported: Machine, aiko: User, ben: User, client_of: ClientOf
) -> None:
    publish_revision(document={"version": 1, "models": {"allow": ["gpt-oss*"]}}, by=aiko)

    page = client_of(ben).get(f"/machines/{reported.public_id}/").content.decode()

    assert "The policy allows other models only" in page


def test_recommendations_by_memory_are_for_that_memory(
    reported: Machine, aiko: User, ben: User, client_of: ClientOf
) -> None:
    by_memory = [
        {"from_gb": 96, "models": ["gpt-oss-120b"]},
        {"from_gb": 64, "below_gb": 96, "models": ["gpt-oss-20b"]},
    ]
    publish_revision(document={"version": 1, "models": {"recommended_by_memory": by_memory}}, by=aiko)

    page = client_of(ben).get(f"/machines/{reported.public_id}/").content.decode()

    _, _, rest = page.partition("The policy recommends models")
    recommended, _, _ = rest.partition("</ul>")
    assert "gpt-oss-20b" in recommended
    assert "gpt-oss-120b" not in recommended


def test_bar_parts_end_where_the_memory_does(reported: Machine) -> None:
    _, _, lines = panel_lines(reported)

    for line in (line for line in lines if line.bar):
        widths = {part.name: float(part.width.rstrip("%")) for part in line.bar.parts}
        used = widths["w"] + widths["kv"] + widths["ov"]
        assert used <= 100
        assert ("over" in widths) == (line.row.estimate.spare_bytes < 0)


def test_ollama_default_of_262144_is_told_for_the_model_that_does_not_fit_with_it(reported: Machine) -> None:
    (warning,) = warnings_of(reported)

    assert "262,144" in warning
    assert "Qwen3-Coder-Next" in warning
    assert "launchctl setenv OLLAMA_CONTEXT_LENGTH" in warning


def test_ollama_default_of_4096_is_too_little_for_claude_code(agent: Agent, mac: Machine) -> None:
    report = report_with()
    report["hardware"] = report["hardware"] | {"memory_bytes": 16 * 2**30, "gpu_limit_bytes": None}
    agent.post("reports", report)
    mac.refresh_from_db()

    (warning,) = warnings_of(mac)

    assert "4,096" in warning
    assert "Claude Code" in warning


def test_no_warning_where_somebody_set_another_context(agent: Agent, mac: Machine) -> None:
    agent.post("reports", report_with(CODER_NEXT | {"effective_context_tokens": 32_768}))
    mac.refresh_from_db()

    assert warnings_of(mac) == []


def test_battery_short_memory_and_agents_are_warned_of(agent: Agent, mac: Machine) -> None:
    agent.post("reports", report_with(kind="llama_cpp", on_battery=True, memory_pressure="critical"))
    mac.refresh_from_db()

    said = " ".join(warnings_of(mac, agents="4"))

    assert "On battery" in said
    assert "Memory is short right now" in said
    assert "4 agents at once" in said


def test_mlx_prefix_cache_is_warned_of_where_it_would_not_fit(agent: Agent, mac: Machine) -> None:
    model = {"name": "mlx-community/Qwen3-Coder-Next-4bit", "size_bytes": 44_844_000_000, "remote": False}
    agent.post("reports", report_with(model, kind="mlx_lm"))
    mac.refresh_from_db()

    assert any("MLX keeps earlier prompts" in warning for warning in warnings_of(mac))


def test_recommended_models_that_would_fit_and_are_missing_are_named(reported: Machine) -> None:
    _, _, lines = panel_lines(reported)

    missing = missing_recommended(lines, ["qwen3-coder-next", "gpt-oss*"])

    # The larger one is for Macs with more memory, the installed one is there.
    assert [line.row.name for line in missing] == ["gpt-oss-20b"]


def test_page_shows_what_the_policy_in_force_recommends(
    reported: Machine, aiko: User, ben: User, client_of: ClientOf
) -> None:
    publish_revision(document={"version": 1, "models": {"recommended": ["gpt-oss-20b"]}}, by=aiko)

    page = client_of(ben).get(f"/machines/{reported.public_id}/").content.decode()

    assert "The policy recommends models" in page


@pytest.mark.slow
def test_whole_table_takes_no_more_than_twenty_milliseconds(reported: Machine) -> None:
    form = read_form(FitForm, {"show": "every"}, runtime="ollama")
    table_of_machine(reported, form.question)

    cpu_s = []
    for _ in range(5):
        start = process_time()
        table_of_machine(reported, form.question)
        cpu_s.append(process_time() - start)

    assert min(cpu_s) < 0.02


def test_mac_that_tells_nothing_of_its_hardware_has_its_pages_all_the_same(
    agent: Agent, mac: Machine, ben: User, client_of: ClientOf
) -> None:
    bare = {**report_with(CODER_NEXT), "hardware": {"platform": "linux"}}
    assert agent.post("reports", bare).status_code == 200
    address = f"/machines/{mac.public_id}/"

    statuses = [
        client_of(ben).get(path, headers={"HX-Request": "true"}).status_code
        for path in ("/", "/machines/", address, f"{address}fit", "/catalogue/", "/catalogue/qwen3-coder-next/")
    ]

    assert statuses == [200] * 6
    assert client_of(ben).get(address).status_code == 200
