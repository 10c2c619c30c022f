"""One project's signals in the forms that rules are compared with."""

from dataclasses import dataclass

from .identity import NormalRemote, Standing, fold, fold_segments, normalise_remote, path_segments
from .request import Project, Remote

type Segments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signals:
    """`exact` is for what loosens, everything else for what restricts and therefore folded."""

    is_identified: bool
    exact: tuple[NormalRemote, ...]
    remotes: tuple[Segments, ...]
    # Paths of remotes whose host may be an ssh alias: they hit a pattern of any host.
    hostless: tuple[Segments, ...]
    root_commits: frozenset[str]
    markers: tuple[str, ...]
    paths: tuple[Segments, ...]
    labels: tuple[str, ...]


def read_signals(project: Project) -> Signals:
    remotes = project.remotes or ()
    exact = tuple(normalise_remote(remote.url) for remote in remotes)
    certain: dict[Segments, None] = {}
    hostless: dict[Segments, None] = {}
    for remote, url in zip(remotes, exact, strict=True):
        for form in _restricting_forms(remote, url):
            if not form.segments:
                continue
            folded = fold_segments(form.segments)
            certain[folded] = None
            if not form.has_certain_host and url.standing is not Standing.RESOLVED:
                hostless[folded[1:]] = None
    return Signals(
        is_identified=project.is_complete and _is_identity(exact),
        exact=exact,
        remotes=tuple(certain),
        hostless=tuple(hostless),
        root_commits=frozenset(map(fold, project.root_commits or ())),
        markers=tuple(map(fold, project.markers or ())),
        paths=tuple(fold_folder(path) for path in project.paths or ()),
        labels=tuple(map(fold, project.labels or ())),
    )


def fold_folder(path: str) -> Segments:
    return tuple(map(fold, path_segments(path)))


def _restricting_forms(remote: Remote, url: NormalRemote) -> tuple[NormalRemote, ...]:
    return (url,) if remote.raw == remote.url else (url, normalise_remote(remote.raw))


def _is_identity(remotes: tuple[NormalRemote, ...]) -> bool:
    """At least one resolved remote, and none that could be something else than it seems."""
    standings = {remote.standing for remote in remotes}
    return Standing.RESOLVED in standings and not standings & {Standing.MALFORMED, Standing.UNRESOLVED}
