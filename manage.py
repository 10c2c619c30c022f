#!/usr/bin/env python3
"""The portal's command line: `uv run manage.py up` starts everything."""

import os
import sys

if sys.version_info < (3, 12):  # noqa: UP036 - this one runs under whatever python3 the user typed
    sys.exit("Kirikae needs Python 3.12 or newer. Type: uv run manage.py " + " ".join(sys.argv[1:]))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the version check

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
