"""Samples of signals, made from a policy's own patterns: for each a hit in every form of writing, and a near miss.

They stand for the classes of requests that the policy can tell apart; `prove` walks through them.
"""

from collections.abc import Iterable, Iterator

from ..identity import normalise_pattern
from ..named_tuple import NamedTuple
from ..policy.values import Match
from ..request import Project, Remote, Role

# What `**` and `*` stand for in a sample: nothing, one segment, several.
_DEEP = ((), ("x",), ("x", "y"))
# Deeper than stars for single groups reach.
_FAR_BELOW = "/".join("x" * 20)
NEUTRAL_REMOTE = "https://neutral.example/some/repository.git"
LOCAL_REMOTE = "/srv/mirror.git"


class Sample(NamedTuple):
    """A project and in a few words what it stands for."""

    words: str
    project: Project


def remote(text: str, *, raw: str | None = None) -> Remote:
    return Remote(raw=text if raw is None else raw, url=text)


def addresses(pattern: str) -> Iterator[tuple[str, str]]:
    """Host and path of repositories that the pattern means."""
    host, *segments = normalise_pattern(pattern)
    if pattern.rstrip().endswith("/"):
        segments.append("**")
    for deep in _DEEP:
        path = [filled for segment in segments for filled in (deep if segment == "**" else (_filled(segment),))]
        if path:
            yield _filled(host), "/".join(path)
        if "**" not in segments:
            return


def written_forms(host: str, path: str) -> Iterator[tuple[str, Remote]]:
    """The ways in which git knows one address."""
    yield "https", remote(f"https://{host}/{path}.git")
    yield "scp", remote(f"git@{host}:{path}.git")
    yield "ssh with a port", remote(f"ssh://git@{host}:2222/{path}")
    yield "other case", remote(f"https://{host.upper()}/{path.upper()}")
    yield "ssh alias", remote(f"git@work:{path}.git")
    yield "resolved ssh alias", remote(f"ssh://git@{host}/{path}", raw=f"git@work:{path}")


def remote_hits(patterns: Iterable[str]) -> Iterator[tuple[str, Remote]]:
    for pattern in patterns:
        for host, path in addresses(pattern):
            for form, one in written_forms(host, path):
                yield f"{host}/{path} ({form})", one


def remote_misses(patterns: Iterable[str]) -> Iterator[tuple[str, Remote]]:
    """Neighbours: the same place with another name at the end, at the beginning, on another host."""
    for pattern in patterns:
        host, path = next(addresses(pattern))
        head, _, tail = path.partition("/")
        for near in (f"{path}-x", f"{head}-x/{tail}" if tail else f"x-{head}", f"{path}/{_FAR_BELOW}"):
            yield f"{host}/{near} (neighbour)", remote(f"https://{host}/{near}")
        yield f"fork.example/{path} (other host)", remote(f"https://fork.example/{path}")


def signal_hits(match: Match) -> Iterator[Sample]:
    """Projects that carry exactly one signal of the rule each."""
    for words, one in remote_hits(match.remotes):
        yield Sample(words, Project(remotes=(one,)))
    for commit in match.root_commits:
        yield Sample("root commit", Project(root_commits=(commit,)))
    for marker in match.markers:
        yield Sample(f"marker {marker}", Project(markers=(_filled(marker),)))
    for pattern in match.paths:
        for folder in _folders(pattern):
            yield Sample(f"folder {folder}", Project(paths=(folder,)))
    for label in match.labels:
        yield Sample(f"label {label}", Project(labels=(_filled(label),)))


def signal_misses(match: Match) -> Iterator[Sample]:
    """Neighbours of each pattern, which only its wildcards may take in."""
    for words, one in remote_misses(match.remotes):
        yield Sample(words, Project(remotes=(one,)))
    for marker in match.markers:
        yield Sample(f"marker {marker}", Project(markers=(f"{_filled(marker)}-x",)))
    for pattern in match.paths:
        folder = f"{next(_folders(pattern))}-x"
        yield Sample(f"folder {folder}", Project(paths=(folder,)))
    for label in match.labels:
        yield Sample(f"label {label}", Project(labels=(f"{_filled(label)}-x",)))


def with_more(sample: Sample, companions: Iterable[tuple[str, Remote]]) -> Iterator[Sample]:
    """The sample alone, incomplete, and with each further remote."""
    project = sample.project
    yield sample
    yield Sample(f"{sample.words}, cut short", _replace(project, is_complete=False))
    if project.remotes is None:
        yield Sample(f"{sample.words}, no remote", _replace(project, remotes=()))
    for words, one in companions:
        yield Sample(f"{sample.words}, with {words}", _replace(project, remotes=(*(project.remotes or ()), one)))


def _replace(project: Project, *, remotes: tuple[Remote, ...] | None = None, is_complete: bool = True) -> Project:
    return Project(
        remotes=project.remotes if remotes is None else remotes,
        root_commits=project.root_commits,
        markers=project.markers,
        paths=project.paths,
        labels=project.labels,
        role=Role.CWD,
        is_complete=is_complete,
    )


def _folders(pattern: str) -> Iterator[str]:
    """A folder that the pattern means, one inside it, and the ones above it."""
    parts = [part for part in pattern.split("/") if part != "**"]
    inside = "/".join(_filled(part) for part in parts)
    yield inside
    yield f"{inside}/deeper"
    if pattern.startswith("**"):
        return
    for end in range(len(parts) - 1, 0, -1):
        if above := "/".join(_filled(part) for part in parts[:end]):
            yield above


def _filled(segment: str) -> str:
    return segment.replace("*", "x")
