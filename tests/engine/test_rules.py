"""Spellings of remotes, folders and patterns: none slips past a rule that restricts, none pulls in what it must not."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest

from routing.engine.answer import Backend
from routing.engine.effects import Effect
from routing.engine.matching.signals import read_signals
from routing.engine.policy.values import Policy
from routing.engine.request import Project, Remote
from routing.engine.rules import PrivacyRules
from tests.engine.conftest import ACME, NDA_RULE, NOW, OPEN_RULE, OTHER, OURS, Ask, policy_of

OPEN = {"identified": "cloud_ok", "anonymous": "cloud_ok"}
CLOSED = {"identified": "local_only", "anonymous": "local_only"}


def effect_of(policy: Policy, *remotes: str, now: datetime = NOW, machine: str | None = None, **signals: Any) -> Effect:
    project = Project(remotes=tuple(Remote(one, one) for one in remotes), **signals)
    return PrivacyRules.of(policy).judge(read_signals(project), now=now, machine=machine, is_expired=False).effect


def restricting(**match: list[str]) -> Policy:
    return policy_of(unclassified=OPEN, privacy_rules=[{"id": "nda", "effect": "local_only", "match": match}])


def opening(*remotes: str) -> Policy:
    return policy_of(
        unclassified=CLOSED, privacy_rules=[{"id": "ours", "effect": "cloud_ok", "match": {"remotes": list(remotes)}}]
    )


@pytest.mark.parametrize(
    "remote",
    [
        "https://www。github.com/acme/app",
        "https://ｗｗｗ.github.com/acme/app",
        "https://github。com/acme/app",
        "https://github.com/acme/app/.git",
        "https://github.com/acme/app.git.git",
        "https://github.com/acme/app.GIT.GIT",
        "https://github.com/acme/app.Wiki.Git",
        "https://github.com/acme/app%20",
        "https://github.com/acme%00/app",
        "https://github.com/%61cme/app%ff",
        "https://github.com/acme/\u200bapp",
        "ssh://git%40github.com/acme/app",
        "ssh://git@github.com%2facme/app",
        "ssh://git@github.com%3a22/acme/app",
        "ssh://git@github.com:acme/app.git",
        "ssh://git@github.com:22:acme/app.git",
        "https://github.com:443:1/acme/app",
        "gcrypt::git@github.com:acme/app",
        "hg::https://github.com/acme/app",
        "https:/github.com/acme/app",
        "https:/user:secret@github.com/acme/app",
        "user:secret@github.com/acme/app",
        "ssh://user:sec/ret@github.com/acme/app",
        "://github.com/acme/app",
        "https://git hub.com/acme/app",
        "https://gi't/acme/app",
        "https://x;y.com/acme/app",
        "https://github.com\\acme\\app",
        "GIT+SSH://git@GITHUB.COM/ACME/APP",
        "https://github.com/ſelse/../acme/app",
    ],
)
def test_no_spelling_of_a_remote_slips_past_a_restricting_rule(remote: str) -> None:
    assert effect_of(restricting(remotes=["github.com/acme/app"]), remote) is Effect.LOCAL_ONLY


@pytest.mark.parametrize(
    "remote",
    [
        "https://dev.azure.com/org/project/_GIT/repo",
        "https://dev.azure.com/org/project/_git/_full/repo",
        "https://dev.azure.com/org/project/_git/_optimized/repo",
        "https://dev.azure.com/org/DefaultCollection/project/_git/repo",
        "https://org.visualstudio.com/project/_git/repo",
        "ssh://org@vs-ssh.visualstudio.com:22/DefaultCollection/project/_ssh/repo",
        "git@ssh.dev.azure.com:V3/org/project/repo",
    ],
)
@pytest.mark.parametrize(
    "pattern",
    [
        "dev.azure.com/org/project/repo",
        "dev.azure.com/org/project/_git/repo",
        "dev.azure.com/org/**",
        "org.visualstudio.com/project/**",
        "org.visualstudio.com/DefaultCollection/project/_git/repo",
        "*.visualstudio.com/**",
        "ssh.dev.azure.com/v3/org/project/*",
    ],
)
def test_forms_of_azure_devops_meet_in_remotes_and_patterns(remote: str, pattern: str) -> None:
    assert effect_of(restricting(remotes=[pattern]), remote) is Effect.LOCAL_ONLY


def test_repository_named_after_its_project_has_a_short_address_at_azure_devops() -> None:
    policy = restricting(remotes=["dev.azure.com/org/app/app"])

    assert effect_of(policy, "https://dev.azure.com/org/_git/app") is Effect.LOCAL_ONLY


def test_spaces_in_names_are_one_however_written() -> None:
    for pattern in ("dev.azure.com/org/my project/**", "dev.azure.com/org/my%20project/**"):
        for remote in ("git@ssh.dev.azure.com:v3/org/my%20project/r", "git@ssh.dev.azure.com:v3/org/my project/r"):
            assert effect_of(restricting(remotes=[pattern]), remote) is Effect.LOCAL_ONLY


@pytest.mark.parametrize(
    "pattern",
    [
        "github.com/acme/",
        "github.com/acme/**/",
        "github.com/acme/app.git",
        "github.com/acme/app.git/",
        "github.com/acme/app.git/**",
        "github.com/acme/app.wiki",
        "GitHub.com/ACME/App",
        "www.github.com/acme/app",
        "github.com./acme/app",
        "ssh.github.com/acme/app",
        "github.com/%61cme/app",
        "github.com//acme//app",
        " github.com/acme/app ",
        "*.GitHub.com/acme/app",
        "*.com/acme/*",
    ],
)
def test_spelling_of_a_pattern_does_not_take_its_meaning(pattern: str) -> None:
    remote = "https://x.github.com/acme/app" if pattern.startswith("*.G") else "git@github.com:acme/app.git"

    assert effect_of(restricting(remotes=[pattern]), remote) is Effect.LOCAL_ONLY


def test_international_host_meets_a_pattern_with_a_wildcard_label() -> None:
    assert effect_of(restricting(remotes=["*.例え.jp/**"]), "https://git.例え.jp/a/b") is Effect.LOCAL_ONLY


@pytest.mark.parametrize(
    "remote",
    [
        "https://gitlab.com/acme/app",
        "https://github.com/acme/app2",
        "https://github.com/acme/app/deeper",
        "https://evil.example/github.com/acme/app",
        "https://github.com@evil.example/acme/app",
        "git@github.com:22/acme/app",
    ],
)
def test_restricting_rule_does_not_hit_another_address(remote: str) -> None:
    assert effect_of(restricting(remotes=["github.com/acme/app"]), remote) is Effect.CLOUD_OK


@pytest.mark.parametrize("remote", ["git@azure:v3/acme/proj/repo", "acme@vs:acme/proj/_ssh/repo"])
def test_alias_of_azure_hits_by_the_path_in_its_own_form(remote: str) -> None:
    policy = restricting(remotes=["dev.azure.com/acme/proj/repo"])
    opened = policy._replace(anonymous=Effect.CLOUD_OK)

    assert effect_of(opened, remote) is Effect.LOCAL_ONLY
    assert effect_of(opened, "git@azure:v3/hoshizora/proj/repo") is Effect.CLOUD_OK


def test_alias_hits_no_pattern_whose_path_is_wildcards_alone() -> None:
    assert effect_of(restricting(remotes=["github.com/**"]), "git@work:acme/app") is Effect.CLOUD_OK
    assert effect_of(restricting(remotes=["github.com/*/*"]), "git@work:acme/app") is Effect.CLOUD_OK
    assert effect_of(restricting(remotes=["github.com/acme/*"]), "git@work:acme/app") is Effect.LOCAL_ONLY


@pytest.mark.parametrize(
    "remote",
    [
        "https://strasse.example/ours/site",
        "https://github.com/Ours/site",
        "https://github.com/ours/site?x",
        "https://github.com%2fours/site",
        "ssh://git@github.com:ours/site",
        "hg::https://github.com/ours/site",
        "git@github.com-work:ours/site",
        "github.com/ours/site",
        "https://github.com/ours/../acme/app",
        "https://github.com/ours%00/site",
        "/srv/github.com/ours/site",
        "https://github.com/ours/site.git.git",
        "https://github.com\\@evil.example/ours/site",
    ],
)
def test_no_doubtful_or_other_address_is_opened(remote: str) -> None:
    assert effect_of(opening("github.com/ours/*", "straße.example/**"), "https://github.com/ours/a") is Effect.CLOUD_OK
    assert effect_of(opening("github.com/ours/site", "straße.example/**"), remote.replace("strasse", "straße")) is (
        Effect.LOCAL_ONLY
    )


def test_slash_at_the_end_widens_what_restricts_and_not_what_opens() -> None:
    assert effect_of(opening("github.com/ours/"), "https://github.com/ours/site") is Effect.LOCAL_ONLY


def test_raw_form_restricts_and_never_opens() -> None:
    remote = Remote(raw="git@github.com:hoshizora/site", url="https://gitlab.com/x/y")
    policy = policy_of(unclassified=CLOSED, privacy_rules=[OPEN_RULE])

    signals = read_signals(Project(remotes=(remote,)))

    assert PrivacyRules.of(policy).judge(signals, now=NOW, machine=None, is_expired=False).effect is Effect.LOCAL_ONLY


@pytest.mark.parametrize("pattern", ["~/code/acme/**", "~/code/acme", "~/code/acme/", "/Users/*/code/acme/**"])
@pytest.mark.parametrize(
    "path",
    [
        "~/code/acme",
        "~/code/acme/app/src",
        "~/Code/ACME/app",
        "~/code/./x/../acme",
        "~\\code\\acme\\app",
        "/Users/aiko/code/acme/app",
        "/home/ci/code/acme",
        "/System/Volumes/Data/Users/aiko/code/acme",
        "/Volumes/Second Disk/Users/aiko/code/acme/app",
        "/root/code/acme",
        "/private/var/root/code/acme",
        "/export/home/ci/code/acme",
        "/mnt/c/Users/aiko/code/acme",
        "C:\\Users\\aiko\\code\\acme",
        "~/code",
        "~",
        "~/",
        "~/..",
        "/",
        "/Users",
        "/home",
        "/Users/aiko",
    ],
)
def test_protected_folder_is_met_from_inside_from_above_and_in_every_form(pattern: str, path: str) -> None:
    assert effect_of(restricting(paths=[pattern]), paths=(path,)) is Effect.LOCAL_ONLY


@pytest.mark.parametrize(
    "path",
    [
        "~/code/acme2",
        "~/code/other",
        "/srv/code/acme",
        "/usr",
        "~/acme",
        "/Volumes/Code/acme",
        "/Volumes/Code",
        "/root/acme",
        "/Volumes/code/acme/Users",
    ],
)
def test_other_folder_is_not_met(path: str) -> None:
    assert effect_of(restricting(paths=["~/code/acme/**"]), paths=(path,)) is Effect.CLOUD_OK


@pytest.mark.parametrize("pattern", ["~/**", "/Users/aiko", "/Users/aiko/**", "/Users", "/home/**", "/", "/root"])
def test_pattern_of_a_whole_home_is_met_by_folders_that_do_not_say_whose_they_are(pattern: str) -> None:
    assert effect_of(restricting(paths=[pattern]), paths=("~/any/folder",)) is Effect.LOCAL_ONLY


@pytest.mark.parametrize("pattern", ["www.*.com/acme/**", "github.com/acme/ "])
def test_pattern_in_an_odd_form_is_met(pattern: str) -> None:
    assert effect_of(restricting(remotes=[pattern]), "https://www.github.com/acme/app") is Effect.LOCAL_ONLY


def test_folder_in_decomposed_letters_is_the_same_folder() -> None:
    assert effect_of(restricting(paths=["~/Kunde-Mu\u0308ller/**"]), paths=("~/kunde-m\u00fcller/x",)) is (
        Effect.LOCAL_ONLY
    )


def test_folder_whose_marks_stand_in_another_order_is_the_same_folder() -> None:
    assert effect_of(restricting(paths=["~/\u1fb4/**"]), paths=("~/\u03b1\u0345\u0301/x",)) is Effect.LOCAL_ONLY


def test_folder_above_a_pattern_with_a_gap_contains_it() -> None:
    assert effect_of(restricting(paths=["~/work/**/secret"]), paths=("~/work",)) is Effect.LOCAL_ONLY


@pytest.mark.parametrize(("key", "value"), [("markers", "ACME"), ("labels", "Acme"), ("root_commits", "A" * 40)])
def test_marker_label_and_root_commit_are_met_in_any_case(key: str, value: str) -> None:
    met: dict[str, Any] = {key: (value,)}
    missed: dict[str, Any] = {key: (value + "2",)}
    policy = restricting(**{key: [value.lower()]})

    assert effect_of(policy, **met) is Effect.LOCAL_ONLY
    assert effect_of(policy, **missed) is Effect.CLOUD_OK


@pytest.mark.parametrize(
    ("remotes", "is_complete"),
    [
        (None, True),
        (("https://gitlab.com/x/y",), False),
        (("https://gitlab.com/x/y", "git@work:x/y"), True),
        (("https://gitlab.com/x/y?z",), True),
    ],
)
def test_project_in_doubt_is_as_closed_as_a_repository(remotes: tuple[str, ...] | None, is_complete: bool) -> None:
    policy = policy_of(unclassified={"identified": "local_only", "anonymous": "cloud_ok"})
    read = None if remotes is None else tuple(Remote(one, one) for one in remotes)

    signals = read_signals(Project(remotes=read, is_complete=is_complete))

    assert PrivacyRules.of(policy).judge(signals, now=NOW, machine=None, is_expired=False).effect is Effect.LOCAL_ONLY


def test_folder_without_any_remote_is_anonymous_and_not_in_doubt() -> None:
    assert effect_of(policy_of(unclassified={"identified": "local_only", "anonymous": "cloud_ok"})) is Effect.CLOUD_OK


EXCEPTION = {
    "id": "sdk", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/app"]}, "effect": "cloud_ok",
    "expires": "2026-11-25",
}  # fmt: skip


@pytest.fixture(params=["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def zone_of_this_machine(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("zone_of_this_machine")
def test_end_of_a_day_does_not_depend_on_the_zone_of_this_machine() -> None:
    rules = PrivacyRules.of(policy_of()._replace(time_zone="Mars/Base"))
    day = date(2026, 11, 25)

    told = [rules.has_ended(day, now=datetime(2026, 11, 25, *at, tzinfo=UTC)) for at in ((9, 59), (10, 0))]

    assert told == [False, True]


@pytest.mark.parametrize(
    ("zone", "last", "first_after"),
    [
        ("UTC", datetime(2026, 11, 25, 23, 59, tzinfo=UTC), datetime(2026, 11, 26, 0, 0, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 11, 25, 14, 59, tzinfo=UTC), datetime(2026, 11, 25, 15, 0, tzinfo=UTC)),
        ("Pacific/Honolulu", datetime(2026, 11, 26, 9, 59, tzinfo=UTC), datetime(2026, 11, 26, 10, 0, tzinfo=UTC)),
        # A zone without data ends its days first of all.
        ("Mars/Base", datetime(2026, 11, 25, 9, 59, tzinfo=UTC), datetime(2026, 11, 25, 10, 0, tzinfo=UTC)),
    ],
)
def test_exception_and_open_rule_end_with_their_day_in_the_organisations_zone(
    zone: str, last: datetime, first_after: datetime
) -> None:
    policy = policy_of(
        organisation={"time_zone": zone}, unclassified=CLOSED, exceptions=[EXCEPTION],
        privacy_rules=[NDA_RULE, OPEN_RULE | {"expires": "2026-11-25"}],
    )  # fmt: skip

    for remote in (ACME["remotes"][0], OURS["remotes"][0]):
        assert effect_of(policy, remote, now=last) is Effect.CLOUD_OK
        assert effect_of(policy, remote, now=first_after) is Effect.LOCAL_ONLY


def test_exception_for_machines_needs_one_of_them() -> None:
    policy = policy_of(privacy_rules=[NDA_RULE], exceptions=[EXCEPTION | {"machines": ["m_1"]}])

    assert effect_of(policy, *ACME["remotes"], machine="m_1") is Effect.CLOUD_OK
    assert effect_of(policy, *ACME["remotes"], machine="m_2") is Effect.LOCAL_ONLY
    assert effect_of(policy, *ACME["remotes"]) is Effect.LOCAL_ONLY


def test_exception_leaves_other_rules_in_force() -> None:
    other = {"id": "second", "effect": "block", "match": {"labels": ["x"]}}
    policy = policy_of(privacy_rules=[NDA_RULE, other], exceptions=[EXCEPTION])

    assert effect_of(policy, *ACME["remotes"], labels=("x",)) is Effect.BLOCK


def test_of_two_exceptions_for_one_rule_the_strictest_counts() -> None:
    strict = EXCEPTION | {"id": "strict", "effect": "org_only"}

    assert effect_of(policy_of(privacy_rules=[NDA_RULE], exceptions=[EXCEPTION, strict]), *ACME["remotes"]) is (
        Effect.ORG_ONLY
    )


def test_exception_of_a_rule_that_forbids_them_is_void_however_it_came() -> None:
    policy = policy_of(privacy_rules=[NDA_RULE], exceptions=[EXCEPTION])
    rules = tuple(rule._replace(may_have_exceptions=False) for rule in policy.privacy_rules)

    assert effect_of(policy._replace(privacy_rules=rules), *ACME["remotes"]) is Effect.LOCAL_ONLY


def test_exception_cannot_loosen_a_rule_that_is_not_understood() -> None:
    policy = policy_of(privacy_rules=[NDA_RULE], exceptions=[EXCEPTION])
    rules = tuple(rule._replace(can_be_evaluated=False) for rule in policy.privacy_rules)

    assert effect_of(policy._replace(privacy_rules=rules), *ACME["remotes"]) is Effect.LOCAL_ONLY


@pytest.mark.parametrize("signal", [{"markers": ("acme",)}, {"paths": ("~/work/acme",)}])
def test_signal_that_brings_a_rule_and_its_exception_does_not_open_a_closed_project(signal: dict[str, Any]) -> None:
    exception = EXCEPTION | {"match": {"remotes": ["gitlab.com/x/*"]}}
    policy = policy_of(unclassified=CLOSED, privacy_rules=[NDA_RULE], exceptions=[exception])

    assert effect_of(policy, "https://gitlab.com/x/y") is Effect.LOCAL_ONLY
    assert effect_of(policy, "https://gitlab.com/x/y", **signal) is Effect.LOCAL_ONLY


def test_further_remote_that_brings_a_rule_and_its_exception_does_not_open_a_closed_project() -> None:
    exception = EXCEPTION | {"match": {"remotes": ["gitlab.com/x/*", "github.com/acme/app"]}}
    policy = policy_of(unclassified=CLOSED, privacy_rules=[NDA_RULE], exceptions=[exception])

    assert effect_of(policy, "https://gitlab.com/x/y") is Effect.LOCAL_ONLY
    assert effect_of(policy, "https://gitlab.com/x/y", *ACME["remotes"]) is Effect.LOCAL_ONLY
    assert effect_of(policy, *ACME["remotes"]) is Effect.CLOUD_OK


def test_remotes_may_be_opened_by_several_rules_together() -> None:
    policy = opening("github.com/ours/*", "gitlab.com/ours/*")

    assert effect_of(policy, "https://github.com/ours/a", "https://gitlab.com/ours/a") is Effect.CLOUD_OK
    assert effect_of(policy, "https://github.com/ours/a", "/srv/mirror") is Effect.LOCAL_ONLY


def test_expired_policy_keeps_what_no_rule_names_local_and_does_not_soften_a_block(ask: Ask) -> None:
    blocked = policy_of(unclassified={"identified": "block", "anonymous": "block"})

    assert ask(policy_of(), projects=[OTHER], policy_state="expired").privacy.effect == "local_only"
    assert ask(blocked, projects=[OTHER], policy_state="expired").backend is Backend.NONE


@pytest.mark.parametrize("is_expired", [True, False])
def test_signals_that_were_read_before_are_judged_as_their_project(is_expired: bool) -> None:
    project = Project(remotes=(Remote("https://gitlab.com/x/y", "https://gitlab.com/x/y"),))
    rules = PrivacyRules.of(policy_of())

    told = rules.judge_project(project, now=NOW, machine=None, is_expired=is_expired)

    assert told.ruling is rules.judge(read_signals(project), now=NOW, machine=None, is_expired=is_expired)
    assert (told.ruling.effect is Effect.LOCAL_ONLY) is is_expired


def test_clock_at_the_end_of_time_permits_nothing() -> None:
    policy = policy_of(
        organisation={"time_zone": "Mars/Base"},
        privacy_rules=[NDA_RULE],
        exceptions=[EXCEPTION | {"expires": "9999-12-31"}],
    )

    assert effect_of(policy, *ACME["remotes"], now=datetime.max.replace(tzinfo=UTC)) is Effect.LOCAL_ONLY


def test_rule_that_is_not_understood_restricts_projects_that_it_would_not_hit() -> None:
    policy = policy_of(unclassified=OPEN, privacy_rules=[NDA_RULE])
    rules = tuple(rule._replace(can_be_evaluated=False) for rule in policy.privacy_rules)

    assert effect_of(policy._replace(privacy_rules=rules), *OTHER["remotes"]) is Effect.LOCAL_ONLY


def test_exception_does_not_hold_for_an_incomplete_project() -> None:
    policy = policy_of(unclassified=OPEN, privacy_rules=[NDA_RULE], exceptions=[EXCEPTION])

    assert effect_of(policy, *ACME["remotes"], is_complete=False) is Effect.LOCAL_ONLY


def test_exception_built_stricter_than_its_rule_changes_nothing() -> None:
    policy = policy_of(unclassified=OPEN, privacy_rules=[NDA_RULE], exceptions=[EXCEPTION])
    exceptions = tuple(one._replace(effect=Effect.BLOCK) for one in policy.exceptions)

    assert effect_of(policy._replace(exceptions=exceptions), *ACME["remotes"]) is Effect.LOCAL_ONLY


def test_org_rule_gives_a_project_its_base_where_unclassified_ones_are_closed() -> None:
    rule = {"id": "inner", "effect": "org_only", "match": {"remotes": ["gitlab.com/**"]}}

    assert effect_of(policy_of(unclassified=CLOSED, privacy_rules=[rule]), *OTHER["remotes"]) is Effect.ORG_ONLY


def test_small_letter_of_two_folds_like_its_twin() -> None:
    assert effect_of(restricting(markers=["straße"]), markers=("STRASSE",)) is Effect.LOCAL_ONLY


@pytest.mark.parametrize(
    "remote", ["ssh://-github.com/x", "https://.github.com/x", "https://git..hub.com/x", "foo://github.com/x"]
)
def test_odd_host_or_scheme_gives_no_identity(remote: str) -> None:
    assert not read_signals(Project(remotes=(Remote(remote, remote),))).is_identified


@pytest.mark.parametrize("text", [" acme", "acme ", "ac\u200bme", "acme\n", "ac\u00adme", "\ufeffACME"])
def test_what_cannot_be_seen_does_not_tell_names_apart(text: str) -> None:
    assert effect_of(restricting(markers=["acme"]), markers=(text,)) is Effect.LOCAL_ONLY
    assert effect_of(restricting(markers=[text]), markers=("acme",)) is Effect.LOCAL_ONLY
    assert effect_of(restricting(labels=["acme"]), labels=(text,)) is Effect.LOCAL_ONLY
    assert effect_of(restricting(labels=[text]), labels=("acme",)) is Effect.LOCAL_ONLY


def test_folder_with_an_invisible_character_is_the_one_without() -> None:
    assert effect_of(restricting(paths=["~/work/ac\u200bme"]), paths=("~/work/acme/app",)) is Effect.LOCAL_ONLY
    assert effect_of(restricting(paths=["~/work/acme"]), paths=("~/work/acme\0/app",)) is Effect.LOCAL_ONLY


def test_pieces_of_a_glob_do_not_overlap() -> None:
    assert effect_of(restricting(labels=["a*bb*bb*c"]), labels=("abbc",)) is Effect.CLOUD_OK
    assert effect_of(restricting(labels=["*aba*aba*"]), labels=("ababa",)) is Effect.CLOUD_OK


def test_exception_of_a_rule_by_marker_leaves_a_closed_project_without_a_class() -> None:
    exception = EXCEPTION | {"match": {"remotes": ["gitlab.com/**"]}}
    policy = policy_of(unclassified=CLOSED, privacy_rules=[NDA_RULE], exceptions=[exception])
    signals = read_signals(Project(remotes=(Remote(OTHER["remotes"][0], OTHER["remotes"][0]),), markers=("acme",)))

    verdict = PrivacyRules.of(policy).judge(signals, now=NOW, machine=None, is_expired=False)

    assert (verdict.effect, verdict.classification) == (Effect.LOCAL_ONLY, "unclassified")


@pytest.mark.parametrize("remotes", list(permutations([ACME["remotes"][0], OTHER["remotes"][0]])))
def test_exception_gives_no_base_where_its_rule_names_only_one_of_the_remotes(remotes: tuple[str, str]) -> None:
    exception = EXCEPTION | {"match": {"remotes": ["github.com/**", "gitlab.com/**"]}}
    policy = policy_of(unclassified=CLOSED, privacy_rules=[NDA_RULE], exceptions=[exception])

    assert effect_of(policy, *remotes) is Effect.LOCAL_ONLY
    assert effect_of(policy, ACME["remotes"][0]) is Effect.CLOUD_OK


@pytest.mark.parametrize(
    ("other", "is_identified", "is_in_doubt"),
    [
        ("git@work:acme/app.git", False, True),
        ("https://github.com/acme/%zz", False, True),
        ("/srv/mirror.git", True, False),
        ("https://gitlab.com/acme/app", True, False),
    ],
)
def test_remote_of_uncertain_address_takes_the_identity_that_another_gives(
    other: str, is_identified: bool, is_in_doubt: bool
) -> None:
    for urls in permutations(["https://github.com/acme/app", other]):
        signals = read_signals(Project(remotes=tuple(Remote(url, url) for url in urls)))

        assert (signals.is_identified, signals.is_in_doubt) == (is_identified, is_in_doubt)


def test_project_with_a_local_remote_alone_is_anonymous_without_a_doubt() -> None:
    signals = read_signals(Project(remotes=(Remote("/srv/mirror.git", "/srv/mirror.git"),)))

    assert (signals.is_identified, signals.is_in_doubt) == (False, False)
