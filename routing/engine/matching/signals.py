"""One project's signals in the forms that rules are compared with."""

from ..identity import NormalRemote, Standing, fold, fold_segments, fold_text, normalise_remote, path_segments
from ..named_tuple import NamedTuple
from ..request import Project
from . import globs

type Segments = tuple[str, ...]

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
    root_commits: tuple[str, ...]
    markers: tuple[str, ...]
    paths: tuple[Segments, ...]
    labels: tuple[str, ...]


def read_signals(project: Project) -> Signals:
    remotes, root_commits, markers, paths, labels, _role, is_complete = project
    exact: list[NormalRemote] = []
    certain: dict[Segments, None] = {}
    hostless: dict[Segments, None] = {}
    is_resolved = is_doubtful = False
    for raw, text in remotes or ():
        url = normalise_remote(text)
        exact.append(url)
        if url.standing is Standing.RESOLVED:
            is_resolved = True
        elif url.standing is not Standing.LOCAL:
            is_doubtful = True
        for form in (url,) if raw == text else (url, normalise_remote(raw)):
            for address in form.addresses:
                certain[fold_segments(address)] = None
            if url.standing is not Standing.RESOLVED and form.segments and not form.has_certain_host:
                for path in form.paths_without_host:
                    hostless[fold_segments(("", *path))[1:]] = None
    # At least one resolved remote, and none that could be something else than it seems.
    is_identified = is_complete and is_resolved and not is_doubtful
    return Signals(
        is_identified,
        not is_identified and (not is_complete or remotes is None or is_doubtful),
        tuple(exact),
        tuple(certain),
        tuple(hostless),
        tuple([fold(commit) for commit in root_commits or ()]),
        tuple([fold_text(marker) for marker in markers or ()]),
        tuple([form for path in paths or () for form in folder_forms(fold_folder(path))]),
        tuple([fold_text(label) for label in labels or ()]),
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
