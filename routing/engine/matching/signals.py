"""One project's signals in the forms that rules are compared with."""

from ..identity import NormalRemote, Standing, fold, fold_segments, fold_text, normalise_remote, path_segments
from ..named_tuple import NamedTuple
from ..request import Project, Remote
from . import globs

type Segments = tuple[str, ...]

_DOUBTFUL = frozenset({Standing.MALFORMED, Standing.UNRESOLVED})
# Where the systems keep home folders. Folders in them should come as `~/...`, but a script may send them in full.
_HOMES: tuple[Segments, ...] = (
    ("", "users", "*"), ("", "home", "*"), ("", "root"), ("", "var", "root"), ("", "private", "var", "root"),
    ("", "system", "volumes", "data", "users", "*"), ("", "volumes", "*", "users", "*"), ("", "export", "home", "*"),
    ("", "mnt", "*", "users", "*"), ("*:", "users", "*"),
)  # fmt: skip


class Signals(NamedTuple):
    """`exact` is for what loosens, everything else for what restricts and therefore folded."""

    is_identified: bool
    # It may be a repository with an address: its remotes were not read, or one of them is no certain address.
    is_in_doubt: bool
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
    exact = tuple([normalise_remote(remote.url) for remote in remotes])
    certain: dict[Segments, None] = {}
    hostless: dict[Segments, None] = {}
    for remote, url in zip(remotes, exact, strict=True):
        for form in _restricting_forms(remote, url):
            for address in form.addresses:
                certain[fold_segments(address)] = None
            if url.standing is not Standing.RESOLVED and form.segments and not form.has_certain_host:
                hostless[fold_segments(form.segments)[1:]] = None
    standings = {url.standing for url in exact}
    # At least one resolved remote, and none that could be something else than it seems.
    is_doubtful = not _DOUBTFUL.isdisjoint(standings)
    is_identified = project.is_complete and Standing.RESOLVED in standings and not is_doubtful
    return Signals(
        is_identified=is_identified,
        is_in_doubt=not is_identified and (not project.is_complete or project.remotes is None or is_doubtful),
        exact=exact,
        remotes=tuple(certain),
        hostless=tuple(hostless),
        root_commits=frozenset([fold(commit) for commit in project.root_commits or ()]),
        markers=tuple([fold_text(marker) for marker in project.markers or ()]),
        paths=tuple([form for path in project.paths or () for form in folder_forms(fold_folder(path))]),
        labels=tuple([fold_text(label) for label in project.labels or ()]),
    )


def fold_folder(path: str) -> Segments:
    is_plain = path.isascii() and path.isprintable()
    return path_segments(path.lower()) if is_plain else tuple(map(fold, path_segments(path)))


def folder_forms(folder: Segments) -> tuple[Segments, ...]:
    """The folder, and its home-relative form where it lies in somebody's home folder or holds the home folders."""
    if folder[:1] == ("~",):
        return (folder,)
    for home in _HOMES:
        if len(folder) >= len(home) and all(map(globs.matches_segment, home, folder)):
            return folder, ("~", *folder[len(home) :])
        if folder == home[: len(folder)]:
            return folder, ("~",)
    return (folder,)


def _restricting_forms(remote: Remote, url: NormalRemote) -> tuple[NormalRemote, ...]:
    return (url,) if remote.raw == remote.url else (url, normalise_remote(remote.raw))
