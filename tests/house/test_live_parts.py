"""Parts of pages that ask again by themselves: all in the one way that works under the policy for scripts."""

from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "templates"


def test_nothing_asks_again_but_by_the_script_that_rests_in_hidden_tabs() -> None:
    lines = [line for page in TEMPLATES.rglob("*.html") for line in page.read_text().splitlines()]
    triggers = [line for line in lines if "hx-trigger=" in line]

    again = [line for line in triggers if 'hx-trigger="every ' in line]
    # A filter in brackets is evaluated as script, which the content security policy forbids: it would never ask.
    assert not [line for line in triggers if "[" in line.partition("hx-trigger=")[2].split('"')[1]]
    assert not [line for line in again if " data-live " not in line]
    assert len(again) >= 7
