"""`kirikae statusline`: what the client tells of its rate limits, and the line that goes back."""

import io
import json
import sys
import time
from typing import Any

import pytest
import time_machine
from kirikae.cli import main
from kirikae.collect.quota import find_quota_left
from kirikae.collect.report import collect_report
from kirikae.engine.facts import report_from_document
from kirikae.home import Home


def given(monkeypatch: pytest.MonkeyPatch, content: object) -> None:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def limits(five_hour: object, seven_day: object = None, *, ends_in_s: float = 3600) -> dict[str, Any]:
    ends = time.time() + ends_in_s
    told = {"five_hour": five_hour, "seven_day": seven_day}
    windows = {name: {"used_percentage": used, "resets_at": ends} for name, used in told.items() if used is not None}
    return {"model": {"display_name": "Opus 4.8"}, "rate_limits": windows}


def test_the_tighter_window_is_what_is_left(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, limits(23.5, 81))

    assert main(["statusline"]) == 0

    assert capsys.readouterr().out == "Opus 4.8 · cloud allowance left: 19 %\n"
    assert find_quota_left(home) == 0.19


def test_reports_carry_it_and_the_engine_reads_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, limits(40))
    main(["statusline"])

    report = report_from_document(collect_report(home, budget_s=0.1))

    assert report.state.cloud_quota_left == 0.6


@pytest.mark.parametrize(
    "content",
    [
        {}, [], b"", b"{", b"[" * 100_000, {"rate_limits": None}, {"rate_limits": {"five_hour": 5}},
        {"rate_limits": {"five_hour": {"used_percentage": "23"}}},
        {"rate_limits": {"five_hour": {"used_percentage": True}}},
        b'{"rate_limits": {"five_hour": {"used_percentage": NaN}}}',
        {"model": {"display_name": "\x1b[2J"}},
        {"rate_limits": {"five_hour": {"used_percentage": 10**1000}}},
    ],
)  # fmt: skip
def test_what_is_not_told_is_unknown_and_ends_no_status_line(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: object
) -> None:
    given(monkeypatch, content)

    assert main(["statusline"]) == 0

    assert capsys.readouterr().out == "kirikae\n"
    assert find_quota_left(home) is None


def test_a_window_that_has_ended_says_nothing_any_more(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, limits(90, ends_in_s=60))
    main(["statusline"])

    with time_machine.travel(time.time() + 61):
        assert find_quota_left(home) is None


def test_more_than_all_is_nothing_left(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, limits(130))
    main(["statusline"])

    assert find_quota_left(home) == 0.0


def test_the_line_of_another_command_passes_through(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, limits(10))
    script = "import sys,json; print('mine', json.load(sys.stdin)['model']['display_name']); sys.exit(3)"

    assert main(["statusline", "--", sys.executable, "-c", script]) == 3

    assert capfd.readouterr().out == "mine Opus 4.8\n"
    assert find_quota_left(home) == 0.9


def test_a_command_that_is_not_there_is_named_in_its_place(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, {})

    assert main(["statusline", "--", "/nowhere/line"]) == 1

    assert capsys.readouterr().out.startswith("kirikae: /nowhere/line did not run;")
