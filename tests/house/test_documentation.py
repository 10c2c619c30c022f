"""What an operator can set is written down."""

import re
from pathlib import Path

from portal.env import PORTAL_NAMES

OPERATIONS = Path("docs/operations.md").read_text()


def test_every_variable_of_the_portal_is_described() -> None:
    assert {name for name in PORTAL_NAMES if f"| `{name}` |" not in OPERATIONS} == set()


def test_the_known_variables_are_exactly_those_that_the_settings_and_the_commands_read() -> None:
    read = set(re.findall(r'env\.read_\w+\(\s*"(KIRIKAE_\w+)"', Path("portal/settings.py").read_text()))

    assert read | {"KIRIKAE_LANG"} == PORTAL_NAMES
    assert '"KIRIKAE_LANG"' in Path("portal/terminal.py").read_text()


def test_every_option_of_up_is_described() -> None:
    options = re.findall(r'add_argument\("(--[a-z-]+)"', Path("portal/embedded/management/commands/up.py").read_text())

    assert [option for option in options if f"| `{option}" not in OPERATIONS] == []
