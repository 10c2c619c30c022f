"""Which class a project without one may belong to, and why somebody might think so. A person decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from routing.engine.effects import Effect, is_stricter
from routing.near_names import telling_words
from routing.projects import SeenProject
from routing.wording import CLASSIFICATIONS

# Whose host it is says nothing of whose code it is.
SHARED_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "dev.azure.com", "git.sr.ht"})


@dataclass(frozen=True)
class Waiting:
    """A project without a class, with what to think of it; None where nothing speaks for any."""

    project: SeenProject
    suggestion: "Suggestion | None"


@dataclass(frozen=True)
class Suggestion:
    """`like` is the classified project that the suggestion comes from."""

    like: SeenProject
    reason: str

    @property
    def effect(self) -> Effect:
        return self.like.effect

    @property
    def class_words(self) -> Any:
        return CLASSIFICATIONS[self.like.classification]


def suggest_all(unclassified: Iterable[SeenProject], classified: Sequence[SeenProject]) -> list[Waiting]:
    return [Waiting(project, find_suggestion(project.seen.remote, classified)) for project in unclassified]


def find_suggestion(remote: str, classified: Iterable[SeenProject]) -> Suggestion | None:
    """By the same owner first, then by a host that belongs to somebody, then by the name; of several the strictest."""
    if not remote:
        return None
    others = [project for project in classified if project.seen.remote]
    # A host or a name like that of an open project opens nothing.
    protected = [project for project in others if project.effect.is_restricting]
    return (
        _strictest([one for one in others if _owner(one) == _owner_of(remote)], _("Same owner as %(remote)s"))
        or _strictest([one for one in protected if _shares_host(one, remote)], _("Same host as %(remote)s"))
        or _strictest([one for one in protected if _shares_name(one, remote)], _("Name like that of %(remote)s"))
    )


def _strictest(projects: Sequence[SeenProject], sentence: str) -> Suggestion | None:
    found: SeenProject | None = None
    for project in projects:
        if found is None or is_stricter(project.effect, found.effect):
            found = project
    return Suggestion(found, sentence % {"remote": found.seen.remote}) if found else None


def _owner(project: SeenProject) -> str:
    return _owner_of(project.seen.remote)


def _owner_of(remote: str) -> str:
    """Host and first part of the path; of `host/app` the host alone, which is its owner."""
    return "/".join(remote.casefold().split("/")[:-1][:2])


def _shares_host(project: SeenProject, remote: str) -> bool:
    host = remote.casefold().partition("/")[0]
    return host not in SHARED_HOSTS and host == project.seen.remote.casefold().partition("/")[0]


def _shares_name(project: SeenProject, remote: str) -> bool:
    return not telling_words(_path_of(remote)).isdisjoint(telling_words(_path_of(project.seen.remote)))


def _path_of(remote: str) -> str:
    return remote.partition("/")[2]
