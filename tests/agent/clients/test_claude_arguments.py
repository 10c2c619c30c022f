"""The allow-list of a protected session: what is on it passes, everything else is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kirikae.clients.claude_arguments import FLAGS, SUBCOMMANDS, WITH_VALUE, WITH_VALUES, find_refused, shield_prompt

ALLOWED = FLAGS | WITH_VALUE | WITH_VALUES | {"--permission-mode", "--"}


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (["-p", "hi"], None),
        (["--output-format", "json", "-p", "explain this"], None),
        (["--append-system-prompt", "--settings", "x"], None),
        (["--add-dir", "/x", "/y", "--verbose"], None),
        (["--permission-mode", "acceptEdits"], None),
        (["--permission-mode=plan"], None),
        (["--", "-p is a flag"], None),
        (["--permission-mode", "bypassPermissions"], "--permission-mode"),
        (["--permission-mode=auto"], "--permission-mode"),
        (["--model", "opus"], "--model"),
        (["--mcp-config=x"], "--mcp-config"),
        (["--settings=/secret/path"], "--settings"),
        (["-c"], "-c"),
        (["--resume", "id"], "--resume"),
        (["-pc"], "-pc"),
        (["-d"], "-d"),
        (["--dangerously-skip-permissions"], "--dangerously-skip-permissions"),
        (["--worktree"], "--worktree"),
        (["--print=x"], "--print"),
        (["--brand-new-option"], "--brand-new-option"),
        (["--=secret"], "option"),
        (["agents"], "agents"),
        (["-p", "agents"], "agents"),
        (["--verbose", "mcp", "serve"], "mcp"),
        (["ultrareview"], "ultrareview"),
        (["--", "ultrareview"], "ultrareview"),
        (["--output-format", "json", "remote-control"], "remote-control"),
        (["--remote-control"], "--remote-control"),
        (["--sdk-url", "wss://elsewhere.example"], "--sdk-url"),
        (["--cloud", "fix it"], "--cloud"),
        (["--plugin-url=https://elsewhere.example"], "--plugin-url"),
    ],
)
def test_arguments_off_the_list_are_refused_by_name(arguments: list[str], refused: str | None) -> None:
    assert find_refused(arguments) == refused


@given(st.lists(st.text(max_size=12) | st.sampled_from(sorted(ALLOWED | SUBCOMMANDS)), max_size=6))
def test_whatever_passes_holds_no_option_that_is_not_on_the_list(arguments: list[str]) -> None:
    if find_refused(arguments) is not None:
        return
    passed = [text for before, text in zip(["", *arguments], arguments, strict=False) if before not in WITH_VALUE]
    before_the_end = passed[: passed.index("--")] if "--" in passed else passed
    options = [text.partition("=")[0] for text in before_the_end if text.startswith("-") and text != "-"]
    assert set(options) <= ALLOWED


def test_a_prompt_of_one_word_cannot_be_taken_for_a_subcommand() -> None:
    arguments = ["-p", "brandnew", "--name", "x", "two words", "--", "last"]

    assert shield_prompt(arguments) == ["-p", "brandnew ", "--name", "x", "two words", "--", "last "]
