"""From git remotes and folders to the normal forms that rules are compared with.

A remote becomes `host/path`. How much may be concluded from it is its `Standing`: only a resolved remote identifies
a project and may loosen; anything else can only restrict. When in doubt a form is put in the lower standing.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    RESOLVED = "resolved"  # a dotted host and a path: identity
    UNRESOLVED = "unresolved"  # the host may be an ssh alias: hits restricting patterns by its path alone
    MALFORMED = "malformed"  # its parsable part restricts
    LOCAL = "local"  # a folder or a file URL: no identity


@dataclass(frozen=True, slots=True)
class NormalRemote:
    """`segments` is the host (empty when there is none to read) and the path's segments; empty for a local remote."""

    standing: Standing
    segments: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.segments) or str(self.standing)

    @property
    def has_certain_host(self) -> bool:
        """False where the host may be an ssh alias, so that only the path can be compared."""
        return bool(self.segments) and _is_dotted_name(self.segments[0])


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
_HEX = frozenset("0123456789abcdefABCDEF")
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def normalise_remote(text: str) -> NormalRemote:
    """The normal form of one URL, scp form or path as git writes it. Never raises.

    `ssh://git@ssh.github.com:443/Acme/app.git/` and `git@github.com:Acme/app` both give `github.com/Acme/app`.
    """
    cleaned = "".join(character for character in text if character.isprintable() and not character.isspace())
    is_odd = cleaned != text or "\\" in cleaned
    cleaned = cleaned.replace("\\", "/")
    scheme, authority, path = _split(cleaned)
    if scheme is None:
        return _local_or_bare(cleaned)
    if scheme == "file":
        return _LOCAL
    if scheme != "scp":
        is_odd = is_odd or scheme not in _SCHEMES or "?" in path or "#" in path
        path = path.partition("?")[0].partition("#")[0]
    path, is_decoded = _decode(path)
    host, is_host_good = _normal_host(authority)
    segments = _path_segments(path)
    host, segments = _provider_form(host, segments)
    if not is_host_good or not is_decoded or is_odd or not segments:
        return NormalRemote(Standing.MALFORMED, (host, *segments))
    return NormalRemote(Standing.RESOLVED if _is_dotted_name(host) else Standing.UNRESOLVED, (host, *segments))


def normalise_pattern(text: str) -> tuple[str, ...]:
    """The segments of a remote pattern such as `github.com/acme/**`; its host takes the same form as a remote's."""
    host, _, path = text.strip().partition("/")
    normal = host if "*" in host else _normal_host(host)[0]
    segments = tuple(segment for segment in _without_suffix(path).split("/") if segment)
    return (_HOST_TWINS.get(normal, normal), *segments)


def path_segments(text: str) -> tuple[str, ...]:
    """The segments of a folder; the first is `~` or the empty text of an absolute path. Dot segments are resolved."""
    text = text.replace("\\", "/")
    segments = _resolve_dots(text.split("/"))
    return ("", *segments) if text.startswith("/") else segments


def fold(text: str) -> str:
    """For comparing what restricts: letters that a file system or a provider may take as equal become equal."""
    return unicodedata.normalize("NFC", text.casefold()) if not text.isascii() else text.lower()


def fold_segments(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Folded, and with the endings that only an unusual spelling left on the last segment."""
    folded = tuple(map(fold, segments))
    return (*folded[:-1], _without_suffix(folded[-1])) if len(folded) > 1 else folded


def _split(text: str) -> tuple[str | None, str, str]:
    """Scheme, authority and path; scheme `scp` for git's short form, None for a path."""
    scheme, mark, rest = text.partition("://")
    if mark and scheme and "/" not in scheme:
        for end, character in enumerate(rest):
            if character in "/?#":
                return scheme.lower(), rest[:end], rest[end:]
        return scheme.lower(), rest, ""
    head, colon, tail = text.partition(":")
    if text.startswith("[") or "@[" in text.split("/", 1)[0]:  # [git@host:22]:path, git@[host]:path
        head, colon, tail = text.partition("]:")
        head = head.replace("[", "")
    if colon and "/" not in head:
        return "scp", head, tail
    return None, "", text


def _local_or_bare(text: str) -> NormalRemote:
    """A path is local; `github.com/acme/app` without a scheme is one to git, but somebody may mean the address."""
    host, _, path = text.partition("/")
    if _is_dotted_name(host.lower()) and not host.startswith("."):
        return NormalRemote(Standing.MALFORMED, (_normal_host(host)[0], *_path_segments(path)))
    return _LOCAL


def _normal_host(authority: str) -> tuple[str, bool]:
    """The host without user, port, trailing dots and `www.`, and whether all of it was well formed."""
    host = authority.rpartition("@")[2].lower()
    if host.startswith("["):  # an IPv6 address is no name: its colons make it malformed below
        host, colon, port = host[1:].partition("]")[0], "", ""
    else:
        host, colon, port = host.partition(":")
    is_good = not colon or port == "" or port.isdigit()
    host, is_decoded = _decode(host)
    host = host.rstrip(".").removeprefix("www.")
    if not host.isascii():
        host, is_encoded = _to_ascii(host)
        is_good = is_good and is_encoded
    is_named = bool(host) and not host.startswith(("-", ".")) and ".." not in host
    return host, is_good and is_decoded and is_named and set(host) <= _HOST_CHARACTERS


def _to_ascii(host: str) -> tuple[str, bool]:
    try:
        return unicodedata.normalize("NFKC", host).encode("idna").decode("ascii").rstrip("."), True
    except UnicodeError:
        return fold(host), False


def _is_dotted_name(host: str) -> bool:
    """Whether this is a name of the DNS: an ssh alias has no dot, or a last label that is no top-level domain."""
    labels = host.split(".")
    last = labels[-1]
    return len(labels) > 1 and all(labels) and (last.isascii() and (last.isalpha() or last.startswith("xn--")))


def _decode(text: str) -> tuple[str, bool]:
    """Percent-decoded once as git does it, and whether nothing encoded or broken is left."""
    if "%" not in text:
        return text, True
    decoded = _decode_once(text)
    is_clean = True
    while decoded is not None and "%" in decoded:
        is_clean, text = False, decoded
        decoded = _decode_once(text)
        if decoded == text:
            break
    return (decoded if decoded is not None else text), is_clean and decoded is not None


def _decode_once(text: str) -> str | None:
    """None when the bytes are not UTF-8 or decode to characters that no address holds."""
    head, *parts = text.split("%")
    raw = bytearray(head.encode())
    for part in parts:
        if len(part) >= 2 and set(part[:2]) <= _HEX:
            raw += bytes([int(part[:2], 16)]) + part[2:].encode()
        else:
            raw += b"%" + part.encode()
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        return None
    return decoded if decoded.isprintable() else None


def _path_segments(path: str) -> tuple[str, ...]:
    segments = _resolve_dots(path.split("/"))
    return (*segments[:-1], _without_suffix(segments[-1])) if segments else ()


def _resolve_dots(parts: list[str]) -> tuple[str, ...]:
    segments: list[str] = []
    for part in parts:
        if part == "..":
            if segments:
                segments.pop()
        elif part not in ("", "."):
            segments.append(part)
    return tuple(segments)


def _without_suffix(text: str) -> str:
    text = text.rstrip("/")
    return text.removesuffix(".git").removesuffix(".wiki") if text not in (".git", ".wiki") else text


def _provider_form(host: str, segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """One address for the several that a provider answers under."""
    organisation = host.removesuffix(_AZURE_OLD)
    host = _HOST_TWINS.get(host, host)
    if host.endswith(_AZURE_OLD):
        host, segments = _AZURE, (organisation, *(s for s in segments if s.lower() != "defaultcollection"))
    if host != _AZURE:
        return host, segments
    if segments and segments[0] == "v3":
        return host, segments[1:]
    if "_git" in segments:
        at = segments.index("_git")
        # An address without a project names the project's own repository.
        project = segments[1:at] or segments[at + 1 : at + 2]
        return host, (*segments[:1], *project, *segments[at + 1 :])
    return host, segments
