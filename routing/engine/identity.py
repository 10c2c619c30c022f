"""From git remotes and folders to the normal forms that rules are compared with.

A remote becomes `host/path`. How much may be concluded from it is its `Standing`: only a resolved remote identifies
a project and may loosen; anything else can only restrict. When in doubt a form is put in the lower standing.
"""

import unicodedata
from enum import StrEnum
from functools import lru_cache

from .named_tuple import NamedTuple


class Standing(StrEnum):
    RESOLVED = "resolved"  # a dotted host and a path: identity
    UNRESOLVED = "unresolved"  # the host may be an ssh alias: hits restricting patterns by its path alone
    MALFORMED = "malformed"  # its parsable part restricts
    LOCAL = "local"  # a folder or a file URL: no identity


class NormalRemote(NamedTuple):
    """`segments` is the host (empty when there is none to read) and the path's segments; empty for a local remote."""

    standing: Standing
    segments: tuple[str, ...]

    def __str__(self) -> str:
        segments = self.segments if self.standing is Standing.RESOLVED else self.without_user
        return "/".join(segments) or str(self.standing)

    @property
    def has_certain_host(self) -> bool:
        """False where the host may be an ssh alias or no host at all, so that only the path can be compared."""
        host = self.segments[0] if self.segments else ""
        return _is_dotted_name(host) and not host.strip(_HOST_CHARACTERS)

    @property
    def without_user(self) -> tuple[str, ...]:
        """What follows the last `@`: a user and a password that stand at an odd place are no part of an address."""
        for at in reversed(range(len(self.segments))):
            if "@" in self.segments[at]:
                return (self.segments[at].rpartition("@")[2], *self.segments[at + 1 :])
        return self.segments

    @property
    def addresses(self) -> tuple[tuple[str, ...], ...]:
        """Every address that may be meant. Where the host is in doubt, the rest may hold the real one."""
        if self.standing is Standing.RESOLVED:
            return (self.segments,)
        found: tuple[tuple[str, ...], ...] = (self.segments,)
        if not self.has_certain_host:
            found = (self.segments, self.segments[1:], self.without_user)
        return tuple(segments for segments in found if segments)

    @property
    def paths_without_host(self) -> tuple[tuple[str, ...], ...]:
        """What is compared where the host may be an alias: of any provider, so also of one with forms of its own."""
        path = list(self.segments[1:])
        return tuple(path), tuple(_azure_repository(path))


_LOCAL = NormalRemote(Standing.LOCAL, ())
_SCHEMES = frozenset({"http", "https", "ssh", "git", "git+ssh", "ssh+git", "git+https", "git+http"})
_HOST_TWINS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
    "vs-ssh.visualstudio.com": "dev.azure.com",
}
_AZURE = "dev.azure.com"
_AZURE_OLD = ".visualstudio.com"
_AZURE_OLD_SSH = "vs-ssh.visualstudio.com"
# Letters that older and newer rules for international names read differently.
_DOUBTFUL_LETTERS = frozenset("ßς")
_ENDINGS = (".git", ".wiki")
_HEX = frozenset("0123456789abcdefABCDEF")
_HOST_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-_."
# What git takes in the name of a helper, an underscore apart, which it does not.
_HELPER_CHARACTERS = _HOST_CHARACTERS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ+"


def normalise_remote(text: str) -> NormalRemote:
    """The normal form of one URL, scp form or path as git writes it. Never raises.

    `ssh://git@ssh.github.com:443/Acme/app.git/` and `git@github.com:Acme/app` both give `github.com/Acme/app`.
    """
    if "::" in text:
        helper, _, address = text.partition("::")
        if not helper.strip(_HELPER_CHARACTERS):
            # git's `helper::address`: what the helper makes of the address is not known.
            return NormalRemote(Standing.MALFORMED, _normalise(address).segments)
    return _normalise(text)


def normalise_pattern(text: str) -> tuple[str, ...]:
    """The segments of a remote pattern such as `github.com/acme/**`; it takes the same form as a remote's."""
    host, _, path = text.strip().partition("/")
    segments = _path_segments(_decode(path)[0])
    if len(segments) > 1 and segments[-1] == "**":  # a repository may be written with its ending here too
        segments[-2] = _without_suffix(segments[-2])
    return _provider_form(_normal_host_pattern(host), segments)


def path_segments(text: str) -> tuple[str, ...]:
    """The segments of a folder; the first is `~` or the empty text of an absolute path. Dot segments are resolved."""
    text = text.replace("\\", "/")
    segments = _resolve_dots(text)
    return ("", *segments) if text.startswith("/") else tuple(segments)


def fold(text: str) -> str:
    """For comparing what restricts: letters that a file system or a provider may take as equal become equal.

    What cannot be seen does not tell two names apart: a rule that was pasted with such a character would never match.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    kept = unicodedata.normalize("NFC", "".join(filter(str.isprintable, text)))  # some fold by the order of their marks
    return unicodedata.normalize("NFC", kept.casefold())


def fold_text(text: str) -> str:
    """A marker or a label: as `fold`, without spaces around it."""
    return fold(text).strip()


def fold_segments(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Folded, without spaces, and without the endings that an unusual spelling left on the last segment."""
    text = "".join(segments)
    if not (text.isascii() and text.isprintable() and " " not in text):
        segments = tuple(["".join(fold(segment).split()) for segment in segments])
    elif text != text.lower():
        segments = tuple([segment.lower() for segment in segments])
    if len(segments) > 1 and segments[-1].endswith(_ENDINGS):
        last = segments[-1]
        while (shorter := _without_suffix(last)) != last:
            last = shorter
        return (*segments[:-1], last)
    return segments


def _normalise(text: str) -> NormalRemote:
    cleaned = _cleaned(text)
    is_odd = cleaned != text
    scheme, user, place, path = _split(cleaned)
    if "%" in place:  # git decodes an address before it looks for the host
        is_odd = True
        scheme, user, place, path = _split(_decode(cleaned)[0])
    if scheme is None:
        return _local_or_bare(cleaned)
    if scheme == "file":
        return _LOCAL
    if scheme != "scp":
        is_odd = is_odd or scheme not in _SCHEMES or "?" in path or "#" in path
        path = path.partition("?")[0].partition("#")[0]
    is_decoded = True
    if "%" in path:
        path, is_decoded = _decode(path)
    name, is_good, is_dotted, misplaced_path = _read_host(place)
    address = _provider_form(name, _path_segments(f"{misplaced_path}/{path}"), user)
    if not is_good or not is_decoded or is_odd or len(address) == 1:
        return NormalRemote(Standing.MALFORMED, address)
    return NormalRemote(Standing.RESOLVED if is_dotted else Standing.UNRESOLVED, address)


def _cleaned(text: str) -> str:
    """Without what no address holds; most addresses hold nothing of it and come back at once."""
    if text.isascii() and text.isprintable() and " " not in text and "\\" not in text:
        return text
    kept = "".join(character for character in text if character.isprintable() and not character.isspace())
    return kept.replace("\\", "/")


def _split(text: str) -> tuple[str | None, str, str, str]:
    """Scheme, user, place and path; scheme `scp` for git's short form, None for a path."""
    scheme, mark, rest = text.partition("://")
    if mark and scheme and "/" not in scheme:
        authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
        user, _, place = authority.rpartition("@")
        return scheme.lower(), user, place, rest[len(authority) :]
    head, colon, tail = text.partition(":")
    if "[" in text and (text.startswith("[") or "@[" in text.partition("/")[0]):  # [git@host:22]:path, git@[host]:path
        head, colon, tail = text.partition("]:")
        head = head.replace("[", "")
    if colon and "/" not in head:
        user, _, place = head.rpartition("@")
        return "scp", user, place, tail
    return None, "", "", text


def _local_or_bare(text: str) -> NormalRemote:
    """A path is local; `github.com/acme/app` without a scheme is one to git, but somebody may mean the address."""
    host, _, path = text.partition("/")
    if _is_dotted_name(host.lower()) and not host.startswith("."):
        return NormalRemote(Standing.MALFORMED, (_host_name(host), *_path_segments(path)))
    return _LOCAL


class _Host(NamedTuple):
    """What stands between user and path: the name without port, trailing dots and `www.`.

    `is_good`: all of it was well formed. `misplaced_path` is what stands where a port should, as in
    `ssh://git@github.com:acme/app`: the path's beginning.
    """

    name: str
    is_good: bool
    is_dotted: bool
    misplaced_path: str


# All repositories of a team lie on a few hosts.
@lru_cache(maxsize=256)
def _read_host(place: str) -> _Host:
    if place.startswith("["):  # an IPv6 address is no name: its colons make it malformed below
        name, port = place[1:].partition("]")[0], ""
    else:
        name, _, port = place.partition(":")
    name, is_decoded = _decode(name.lower())
    is_good = is_decoded and (not port or port.isdigit())
    if not name.isascii():
        name, is_encoded = _to_ascii(name)
        is_good = is_good and is_encoded
    name = name.rstrip(".").removeprefix("www.")
    is_named = bool(name) and not name.startswith(("-", ".")) and ".." not in name
    return _Host(
        name=name,
        is_good=is_good and is_named and not name.strip(_HOST_CHARACTERS),
        is_dotted=_is_dotted_name(name),
        misplaced_path=port.lstrip("0123456789:"),
    )


def _host_name(authority: str) -> str:
    return _read_host(authority.rpartition("@")[2]).name


def _normal_host_pattern(host: str) -> str:
    """Label by label where some hold a `*`."""
    if "*" not in host:
        return _host_name(host)
    labels = host.rstrip(".").split(".")
    normal = ".".join(label.lower() if "*" in label else _host_name(label) for label in labels)
    return normal.removeprefix("www.")


def _to_ascii(host: str) -> tuple[str, bool]:
    """The form that the DNS takes, and whether every program would read the host so."""
    has_one_reading = not set(host) & _DOUBTFUL_LETTERS
    try:
        return unicodedata.normalize("NFKC", host).encode("idna").decode("ascii").lower(), has_one_reading
    except UnicodeError:
        return fold(host), False


def _is_dotted_name(host: str) -> bool:
    """Whether this is a name of the DNS: an ssh alias has no dot, or a last label that is no top-level domain."""
    labels = host.split(".")
    last = labels[-1]
    return len(labels) > 1 and all(labels) and (last.isascii() and (last.isalpha() or last.startswith("xn--")))


def _decode(text: str) -> tuple[str, bool]:
    """Percent-decoded, and whether that took one step as in git and left only what an address holds."""
    if "%" not in text:
        return text, True
    decoded, is_clean = _decode_once(text)
    while "%" in decoded and decoded != text:
        is_clean, text = False, decoded
        decoded = _decode_once(text)[0]
    return decoded, is_clean and "%" not in decoded


def _decode_once(text: str) -> tuple[str, bool]:
    """Bytes that are not UTF-8 and characters that no address holds are left out, and told."""
    head, *parts = text.split("%")
    raw = bytearray(head.encode(errors="replace"))
    for part in parts:
        if len(part) >= 2 and set(part[:2]) <= _HEX:
            raw += bytes([int(part[:2], 16)]) + part[2:].encode(errors="replace")
        else:
            raw += b"%" + part.encode(errors="replace")
    decoded = raw.decode(errors="ignore")
    kept = "".join(character for character in decoded if character.isprintable())
    return kept, kept.encode() == bytes(raw)


def _path_segments(path: str) -> list[str]:
    segments = _resolve_dots(path)
    if len(segments) > 1 and segments[-1].lower() == ".git":  # the folder inside a work tree
        segments.pop()
    if segments:
        segments[-1] = _without_suffix(segments[-1])
    return segments


def _resolve_dots(path: str) -> list[str]:
    if "/." not in path and path[:1] != ".":
        return [part for part in path.split("/") if part]
    segments: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if segments:
                segments.pop()
        elif part not in ("", "."):
            segments.append(part)
    return segments


def _without_suffix(text: str) -> str:
    return text.removesuffix(".git").removesuffix(".wiki") if text not in _ENDINGS else text


def _provider_form(host: str, segments: list[str], user: str = "") -> tuple[str, ...]:
    """One address for the several that a provider answers under."""
    if host == _AZURE_OLD_SSH and "_ssh" in map(str.lower, segments):
        segments = [user.partition(":")[0], *segments]
    elif host not in _HOST_TWINS and host.endswith(_AZURE_OLD):
        segments = [host.removesuffix(_AZURE_OLD), *segments]
        host = _AZURE
    host = _HOST_TWINS.get(host, host)
    return (host, *(_azure_repository(segments) if host == _AZURE else segments))


def _azure_repository(segments: list[str]) -> list[str]:
    """`organisation/project/repository` from the forms of Azure DevOps, which do not regard case."""
    if segments and segments[0].lower() == "v3":
        return segments[1:]
    if len(segments) > 1 and segments[1].lower() == "defaultcollection":
        segments = [segments[0], *segments[2:]]
    at = next((at for at, segment in enumerate(segments) if segment.lower() in ("_git", "_ssh")), None)
    if at is None:
        return segments
    repository = segments[at + 1 :]
    if repository and repository[0].lower() in ("_full", "_optimized"):
        repository = repository[1:]
    # An address without a project names the project's own repository.
    return [*segments[:1], *(segments[1:at] or repository[:1]), *repository]
