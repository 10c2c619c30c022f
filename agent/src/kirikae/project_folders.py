"""The folders of projects: what lies in them must not say what the project is.

A repository sets variables of a shell through `.envrc` and the like; these few are looked at before they are believed.
"""

import os
import pwd

# pathlib costs more than all of this.
_join, _parent, _real = os.path.join, os.path.dirname, os.path.realpath


def list_own_folders(folder: str) -> list[str]:
    """The folder and the repositories around it; not the home folder, which may be one, nor what is above it."""
    place = _real(folder)
    return [one for one in dict.fromkeys((place, *_repositories(place))) if not _is_in(home_of_user(), one)]


def lies_in_project(path: str, *projects: str) -> bool:
    """Whether it lies in one of these projects."""
    place = _real(path)
    return any(_is_in(place, folder) for project in projects for folder in list_own_folders(project))


def is_in_checkout(path: str) -> bool:
    """Whether it lies in the repository of any project."""
    return any(not _is_in(home_of_user(), repository) for repository in _repositories(_real(path)))


def _repositories(place: str) -> list[str]:
    """Around the place, the innermost first."""
    return [parent for parent in _parents(place) if os.path.lexists(_join(parent, ".git"))]


def _parents(path: str) -> list[str]:
    """Itself first."""
    found = [path]
    while _parent(found[-1]) != found[-1]:
        found.append(_parent(found[-1]))
    return found


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(_join(folder, ""))


def home_of_user() -> str:
    """As the system knows it: HOME is a variable as well."""
    try:
        return _real(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return "/"
