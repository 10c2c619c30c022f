"""Finding a program. `shutil.which` does it too, and imports every compressor of the library."""

import os


def find_program(name: str) -> str | None:
    """The path of an executable file: as named when the name holds a slash, else the first on PATH.

    An empty entry of PATH, to a shell the current folder, is passed over: a repository may hold anything.
    """
    if os.path.dirname(name):  # noqa: PTH120 - "./claude" is not "claude"
        return name if _is_program(name) else None
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return next((path for folder in folders if folder and _is_program(path := os.path.join(folder, name))), None)  # noqa: PTH118


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113
