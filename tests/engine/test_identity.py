"""Normal forms of remotes, and patterns over them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine.identity import Standing, fold_segments, normalise_pattern, normalise_remote, path_segments
from routing.engine.matching import globs


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:acme/app.git",
        "github.com:acme/app",
        "ssh://git@github.com/acme/app.git",
        "ssh://git@ssh.github.com:443/acme/app",
        "https://user:secret@github.com:443/acme/app/",
        "https://www.GitHub.com./acme//./x/../app.wiki.git",
        "https://github.com/acme/%61pp",
        "[git@github.com:22]:acme/app",
    ],
)
def test_every_way_to_write_a_remote_has_one_normal_form(text: str) -> None:
    remote = normalise_remote(text)

    assert (str(remote), remote.standing) == ("github.com/acme/app", Standing.RESOLVED)


@pytest.mark.parametrize(
    "text",
    [
        "git@ssh.dev.azure.com:v3/org/project/repo",
        "org@vs-ssh.visualstudio.com:v3/org/project/repo",
        "https://dev.azure.com/org/project/_git/repo",
        "https://org.visualstudio.com/DefaultCollection/project/_git/repo",
        "https://me@dev.azure.com/org/project/_git/repo",
    ],
)
def test_azure_devops_forms_are_one_repository(text: str) -> None:
    assert str(normalise_remote(text)) == "dev.azure.com/org/project/repo"


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("git@github-acme:acme/app.git", Standing.UNRESOLVED),
        ("github.com-acme:acme/app", Standing.UNRESOLVED),
        ("git@10.0.0.1:acme/app", Standing.UNRESOLVED),
        ("/srv/git/app.git", Standing.LOCAL),
        ("../app", Standing.LOCAL),
        ("file:///srv/app", Standing.LOCAL),
        ("", Standing.LOCAL),
        ("https://github.com", Standing.MALFORMED),
        ("https://github.com/acme/app?x=1", Standing.MALFORMED),
        ("https://github.com/acme%252fapp", Standing.MALFORMED),
        ("https://github.com\\@evil.example/acme/app", Standing.MALFORMED),
        ("ext::sh -c true", Standing.MALFORMED),
        ("github.com/acme/app", Standing.MALFORMED),
        ("https://git hub.com/acme/app", Standing.MALFORMED),
        ("ssh://-oProxyCommand=x/acme/app", Standing.MALFORMED),
    ],
)
def test_what_is_no_certain_address_gives_no_identity(text: str, standing: Standing) -> None:
    assert normalise_remote(text).standing is standing


def test_user_part_cannot_pass_for_the_host() -> None:
    assert str(normalise_remote("https://github.com@evil.example/acme/app")) == "evil.example/acme/app"


def test_international_host_and_its_pattern_meet() -> None:
    assert normalise_remote("https://例え.jp/acme/app").segments[0] == normalise_pattern("例え.jp/acme/**")[0]


@given(st.text(max_size=80))
def test_any_text_has_a_normal_form_that_is_stable(text: str) -> None:
    remote = normalise_remote(text)

    assert isinstance(remote.standing, Standing)
    if remote.standing is Standing.RESOLVED:
        assert normalise_remote(f"https://{remote}").segments == remote.segments or "%" in str(remote)


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("github.com/acme/**", "github.com/acme", True),
        ("github.com/acme/**", "github.com/acme/a/b", True),
        ("github.com/acme/*", "github.com/acme/a/b", False),
        ("github.com/acme/*", "github.com/acme", False),
        ("github.com/**/secret-*", "github.com/a/b/secret-x", True),
        ("github.com/**/secret-*", "github.com/secret-", True),
        ("github.com/**/a/**/b", "github.com/x/a/a/y/b", True),
        ("github.com/ac*e/*x*", "github.com/acme/axb", True),
        ("github.com/a*a/x", "github.com/a/x", False),
    ],
)
def test_glob_matches_within_and_across_segments(pattern: str, text: str, is_match: bool) -> None:
    assert globs.matches(normalise_pattern(pattern), tuple(text.split("/"))) is is_match


SEGMENT = st.text(alphabet="ab*", min_size=1, max_size=3).filter(lambda text: "**" not in text)
SEGMENTS = st.lists(st.one_of(SEGMENT, st.just("**")), max_size=5).map(tuple)


@given(SEGMENTS, st.lists(st.text(alphabet="ab", min_size=1, max_size=3), max_size=5).map(tuple))
def test_glob_agrees_with_a_naive_recursive_matcher(pattern: tuple[str, ...], segments: tuple[str, ...]) -> None:
    assert globs.matches(pattern, segments) is naive(pattern, segments)


def naive(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    if not pattern:
        return not segments
    if pattern[0] == "**":
        return any(naive(pattern[1:], segments[start:]) for start in range(len(segments) + 1))
    return bool(segments) and naive_text(pattern[0], segments[0]) and naive(pattern[1:], segments[1:])


def naive_text(glob: str, text: str) -> bool:
    if not glob:
        return not text
    if glob[0] == "*":
        return any(naive_text(glob[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and glob[0] == text[0] and naive_text(glob[1:], text[1:])


@pytest.mark.parametrize(
    ("pattern", "folder", "contains"),
    [
        ("~/work/acme/**", "~/work", True),
        ("~/work/acme/**", "~", True),
        ("~/work/acme/**", "~/work/acme2", False),
        ("~/work/*/secret", "~/work/x", True),
        ("**/secret/**", "~/work", False),
        ("~/work/acme/**", "/work", False),
    ],
)
def test_folder_above_a_protected_one_is_recognised(pattern: str, folder: str, contains: bool) -> None:
    assert globs.may_contain(path_segments(pattern), path_segments(folder)) is contains


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://user:secret@github.com/acme/app", "github.com/acme/app"),
        ("https://github.com/acme/us@er", "github.com/acme/us@er"),
        ("https://github.com\\@evil.example/acme/app", "evil.example/acme/app"),
        ("https://github.com:x@secret/acme/app", "secret/acme/app"),
        ("/srv/git/app.git", "local"),
        ("https://", "malformed"),
    ],
)
def test_remote_is_told_without_what_stands_before_a_host(text: str, told: str) -> None:
    assert str(normalise_remote(text)) == told


@pytest.mark.parametrize(
    ("pattern", "segments"),
    [
        ("*.Example.com./acme/**", ("*.example.com", "acme", "**")),
        ("*.EXA*.com/acme", ("*.exa*.com", "acme")),
        ("*.例え.jp/acme/**", ("*.xn--r8jz45g.jp", "acme", "**")),
        ("www.*.Example.comX/acme", ("*.example.comx", "acme")),
        # It stays as it is, so that a policy with it is refused: no normal form is so.
        ("*例え.jp/acme", ("*例え.jp", "acme")),
        ("github.com/**", ("github.com", "**")),
        # A lone surrogate is no character; beside an escape it becomes a question mark.
        ("github.com/\ud800%61/%61\ud800/%zz\ud800", ("github.com", "?a", "a?", "%zz?")),
        ("github.com/app.git/**", ("github.com", "app", "**")),
        ("github.com/acme/app.git/**", ("github.com", "acme", "app", "**")),
        ("dev.azure.com/org/DefaultCollection", ("dev.azure.com", "org")),
        ("dev.azure.com/org", ("dev.azure.com", "org")),
        ("dev.azure.com/org/_git/repo/sub", ("dev.azure.com", "org", "repo", "repo", "sub")),
    ],
)
def test_pattern_takes_the_form_of_the_remotes_that_it_means(pattern: str, segments: tuple[str, ...]) -> None:
    assert normalise_pattern(pattern) == segments


@pytest.mark.parametrize(
    ("text", "segments", "standing"),
    [
        # What follows a broken escape still restricts.
        ("https://github.com/ac%zzme/app", ("github.com", "ac%zzme", "app"), Standing.MALFORMED),
        ("https://github.com/acme/app%2", ("github.com", "acme", "app%2"), Standing.MALFORMED),
        ("https://github.com/acme/app%", ("github.com", "acme", "app%"), Standing.MALFORMED),
        ("https://github.com/%41cme/%61pp%e3%81%82", ("github.com", "Acme", "appあ"), Standing.RESOLVED),
        ("https://github.com/%66%66/%FF%4a", ("github.com", "ff", "J"), Standing.MALFORMED),
        ("https://github.com/a%0acme/app", ("github.com", "acme", "app"), Standing.MALFORMED),
        ("https://github.com/ac me/app", ("github.com", "acme", "app"), Standing.MALFORMED),
        ("https://github.com/acme/app ", ("github.com", "acme", "app"), Standing.MALFORMED),
        ("https://github.com\\acme/app", ("github.com", "acme", "app"), Standing.MALFORMED),
        ("https://github.com/ac\tme/app", ("github.com", "acme", "app"), Standing.MALFORMED),
        ("https://github.com/ac\0me/app", ("github.com", "acme", "app"), Standing.MALFORMED),
        ("https://evil.example?@github.com/acme/app", ("evil.example",), Standing.MALFORMED),
        ("https://evil.example#@github.com/acme/app", ("evil.example",), Standing.MALFORMED),
        ("https://github.com/\ud800%61/%zz\ud800", ("github.com", "a", "%zz"), Standing.MALFORMED),
        ("https://straße.de/acme/app", ("strasse.de", "acme", "app"), Standing.MALFORMED),
        ("https://例え.JP/acme/app", ("xn--r8jz45g.jp", "acme", "app"), Standing.RESOLVED),
        ("https://" + "ä" * 70 + ".de/acme/app", ("ä" * 70 + ".de", "acme", "app"), Standing.MALFORMED),
        ("https://" + "Ä" * 70 + ".de/acme/app", ("ä" * 70 + ".de", "acme", "app"), Standing.MALFORMED),
        ("GitHub.com/acme/app", ("github.com", "acme", "app"), Standing.MALFORMED),
        # A long s folds to a plain one, and the label is too long for the DNS.
        ("https://" + "ſ" * 64 + ".com/acme/app", ("s" * 64 + ".com", "acme", "app"), Standing.MALFORMED),
        ("example.XN--P1AI/acme/app", ("example.xn--p1ai", "acme", "app"), Standing.MALFORMED),
        (".github.com/acme/app", (), Standing.LOCAL),
    ],
)
def test_odd_spelling_keeps_what_can_be_read(text: str, segments: tuple[str, ...], standing: Standing) -> None:
    assert (normalise_remote(text).segments, normalise_remote(text).standing) == (segments, standing)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        # Where a scheme, a user, a host and a path end: the first mark of its kind that can be meant.
        ("https://github.com/acme/x://y", "github.com/acme/x:/y"),
        ("https://eXample.com/acme/app", "example.com/acme/app"),
        ("ssh://git@github.com:/acme/app", "github.com/acme/app"),
        ("https://github.com/./acme/app", "github.com/acme/app"),
        ("https://github.com/app/.git", "github.com/app"),
        # A name that is nothing but an ending is a name.
        ("https://github.com/.git", "github.com/.git"),
        ("https://github.com/acme/.wiki", "github.com/acme/.wiki"),
        ("https://github.com/v3/app/_git/x", "github.com/v3/app/_git/x"),
        ("https://example.xn--p1ai/acme/app", "example.xn--p1ai/acme/app"),
        ("https://us%65r@github.com/acme/app", "github.com/acme/app"),
        ("git@[github.com]:acme/app", "github.com/acme/app"),
        ("[github.com:22]:acme/app", "github.com/acme/app"),
        ("me@[github.com:22]:acme/app", "github.com/acme/app"),
        ("[git@github.com:22]:acme/a]:b", "github.com/acme/a]:b"),
        ("github.com:acme/x@[y/app", "github.com/acme/x@[y/app"),
        ("ssh://or@g@vs-ssh.visualstudio.com:22/project/_ssh/repo", "dev.azure.com/or@g/project/repo"),
        ("ssh://org:secret@vs-ssh.visualstudio.com/project/_ssh/repo", "dev.azure.com/org/project/repo"),
    ],
)
def test_address_is_read_up_to_its_marks(text: str, address: str) -> None:
    remote = normalise_remote(text)

    assert (remote.standing, "/".join(remote.segments)) == (Standing.RESOLVED, address)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ext::git@github.com:acme/app::x", "github.com/acme/app::x"),
        ("remote-ext::git@github.com:acme/app", "github.com/acme/app"),
        ("my.helper::git@github.com:acme/app", "github.com/acme/app"),
        ("a+b::git@github.com:acme/app", "github.com/acme/app"),
        ("::git@github.com:acme/app", "github.com/acme/app"),
        ("https://git%68ub.com/acme/app", "github.com/acme/app"),
        # Encoded twice and three times over.
        ("https://github.com/%2561cme/app", "github.com/acme/app"),
        ("https://github.com/%252561cme/app", "github.com/acme/app"),
        ("https://github.com/acme/app#part", "github.com/acme/app"),
        ("https://github.com/acme/app?x=1#y", "github.com/acme/app"),
        ("ssh://github.com:acme/app", "github.com/acme/app"),
        ("ssh://github.com:22Xacme/app", "github.com/Xacme/app"),
        ("ssh://git@[fe80::1]:22/acme/app", "fe80::1/acme/app"),
        ("me@github.com/acme/app", "github.com/acme/app"),
        ("https:///acme/app", "/acme/app"),
        ("https://.github.com/acme/app", ".github.com/acme/app"),
        ("https://github..com/acme/app", "github..com/acme/app"),
    ],
)
def test_what_git_reads_in_its_own_way_restricts_by_what_can_be_read(text: str, address: str) -> None:
    remote = normalise_remote(text)

    assert (remote.standing, "/".join(remote.segments)) == (Standing.MALFORMED, address)


@pytest.mark.parametrize("text", ["folder", "/srv/git:x/app", "a/b://github.com/acme/app", " "])
def test_path_is_no_address(text: str) -> None:
    assert normalise_remote(text) == (Standing.LOCAL, ())


@pytest.mark.parametrize(
    ("segments", "folded"),
    [
        (("GitHub.com", "App.git.GIT"), ("github.com", "app")),
        (("github.com", "A cme", "MÜ\u200bx.wiki"), ("github.com", "acme", "müx")),
        # Nothing but capitals and figures.
        (("10.0.0.1", "ACME", "APP"), ("10.0.0.1", "acme", "app")),
        # A host is no repository, whatever it ends in.
        (("code.git",), ("code.git",)),
        ((), ()),
    ],
)
def test_what_restricts_is_compared_without_case_spaces_and_endings(
    segments: tuple[str, ...], folded: tuple[str, ...]
) -> None:
    assert fold_segments(segments) == folded


@pytest.mark.parametrize(
    ("folder", "segments"),
    [
        ("./work/acme", ("work", "acme")), ("../work", ("work",)), (".", ()), ("..", ()), (".config", (".config",)),
        ("/./work/../acme/", ("", "acme")), ("~/.config/./x", ("~", ".config", "x")),
    ],
)  # fmt: skip
def test_dots_in_a_folder_are_resolved_wherever_they_stand(folder: str, segments: tuple[str, ...]) -> None:
    assert path_segments(folder) == segments
