#!/usr/bin/env python3
"""The portal's command line: `uv run manage.py up` starts everything."""

import os
import sys

if sys.version_info < (3, 12):  # noqa: UP036 - this one runs under whatever python3 the user typed
    # In both languages: nothing of the portal can be imported to choose one.
    typed = "uv run manage.py " + " ".join(sys.argv[1:])
    sys.exit(
        "Kirikae needs Python 3.12 or newer. Type: " + typed + "\n"
        "Kirikae には Python 3.12 以降が必要です。次のように入力してください: " + typed
    )


# As when SIGPIPE ends a program.
NOBODY_READS = 141


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    read_data_dir_argument(sys.argv[1:])
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 - after the version check
    from django.db import DatabaseError  # noqa: PLC0415

    from portal.common.operator_commands import Commands  # noqa: PLC0415

    try:
        Commands(sys.argv).execute()
        sys.stdout.flush()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except DatabaseError as error:
        from portal.processes.reachable import explain  # noqa: PLC0415 - needs Django's settings

        sys.exit(explain(error))
    except BrokenPipeError:
        # The reader has gone (`manage.py policy prove | head -1`). What is left has to go somewhere at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOBODY_READS)


def read_data_dir_argument(arguments: list[str]) -> None:
    """The settings need the data folder before Django has parsed the arguments of `up`."""
    for position, argument in enumerate(arguments):
        name, is_joined, value = argument.partition("=")
        if arguments[:1] == ["up"] and name == "--data-dir":
            following = arguments[position + 1 : position + 2]
            os.environ["KIRIKAE_DATA_DIR"] = value if is_joined else "".join(following)


if __name__ == "__main__":
    main()
