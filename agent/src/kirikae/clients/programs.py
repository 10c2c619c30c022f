"""Finding a program. `shutil.which` does it too, and imports every compressor of the library."""

import os
from collections.abc import Iterator

from kirikae.project_folders import lies_in_project


def find_program(name: str) -> str | None:
    """The path of an executable file: as named when the name holds a slash, else the first on PATH.

    An entry of PATH that counts from the current folder (`.`, `node_modules/.bin`, an empty one) is passed over: a
    repository may hold anything.
    """
    if os.path.dirname(name):  # noqa: PTH120 - "./claude" is not "claude"
        return name if _is_program(name) else None
    return next(_on_path(name), None)


def find_tool(name: str, *projects: str) -> str | None:
    """The same for git and ssh, which say what a project is: none that these projects or this folder bring along."""
    folders = (*projects, os.getcwd())  # noqa: PTH109 - as above
    return next((path for path in _on_path(name) if not lies_in_project(path, *folders)), None)


def _on_path(name: str) -> Iterator[str]:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    paths = (os.path.join(folder, name) for folder in folders if os.path.isabs(folder))  # noqa: PTH117, PTH118
    return (path for path in paths if _is_program(path))


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113
