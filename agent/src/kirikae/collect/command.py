"""Runs one short system command with a time limit; a missing or failing command is a named absence."""

from __future__ import annotations

from collections.abc import Sequence

from kirikae.collect.reading import Absent, Reading

# system_profiler takes some hundred milliseconds; anything past this hangs.
COMMAND_TIMEOUT_S = 5.0


def run_command(argv: Sequence[str]) -> Reading[str]:
    import subprocess  # noqa: PLC0415 - 3 ms that most launches do without

    try:
        done = subprocess.run(  # noqa: S603 - fixed commands, no shell
            argv, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        return Absent("command_missing")
    except subprocess.TimeoutExpired:
        return Absent("timeout")
    except OSError:
        return Absent("command_failed")
    if done.returncode != 0:
        return Absent("command_failed")
    return done.stdout.decode("utf-8", "replace")
