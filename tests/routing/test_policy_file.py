"""The policy file, and the command that reads and writes it."""

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from portal.audit.models import AuditEntry
from portal.common.policy_head import get_head
from portal.common.yaml_files import write_yaml
from routing.bundles import get_current_document
from routing.engine.errors import PolicyErrors
from routing.models import Decision
from routing.policy_file import read_policy_file
from routing.services import ensure_first_revision
from tests.routing.conftest import ACME


def problems_of(text: str) -> list[tuple[str, str]]:
    with pytest.raises(PolicyErrors) as raised:
        read_policy_file(text.encode())
    return [(problem.path, problem.code) for problem in raised.value.problems]


def run(*words: str) -> str:
    output = StringIO()
    call_command("policy", *words, stdout=output)
    return output.getvalue()


def test_values_are_read_by_the_rules_of_yaml_1_2():
    document = read_policy_file(b"{time: 18:00, day: 2027-03-31, battery: off, number: 010, yes: true, rate: 0.2}")

    assert document == {
        "time": "18:00", "day": "2027-03-31", "battery": "off", "number": 10, "yes": True, "rate": 0.2,
    }  # fmt: skip


def test_every_duplicate_key_is_told_with_its_line():
    assert problems_of("version: 1\nversion: 2\nlimits:\n  a: 1\n  a: 2\n") == [
        ("line 2", "file.duplicate_key"),
        ("line 5", "file.duplicate_key"),
    ]


def test_aliases_are_refused_before_they_multiply():
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 20))

    assert problems_of(f"l0: &l0 [lol]\n{levels}") == [("line 2", "file.bad_syntax")]


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "[" * 100_000,
        "- " * 5_000 + "x",
        "a: !!python/object/apply:os.system [ls]",
        "? [a, b]\n: 1",
        "a: " + "9" * 5_000,
        "a: \x00",
        "a: 1\n---\nb: 2",
        "%YAML 9.9\n---\na: 1",
    ],
    ids=["syntax", "brackets", "dashes", "python tag", "list as key", "long number", "NUL", "two documents", "version"],
)
def test_odd_files_are_refused_in_words(text):
    assert problems_of(text)[0][1].startswith("file.")


def test_a_file_of_other_bytes_or_too_many_is_refused():
    with pytest.raises(PolicyErrors, match="UTF-8"):
        read_policy_file(b"a: \xff")
    with pytest.raises(PolicyErrors, match="bytes"):
        read_policy_file(b"a" * 3_000_000)


def test_an_export_imports_as_the_same_policy(publish):
    publish(privacy_rules=[ACME])

    document = get_current_document()

    assert read_policy_file(write_yaml(document).encode()) == document


def test_import_without_publish_tells_what_it_would_do(publish, tmp_path):
    publish()
    file = tmp_path / "policy.yaml"
    file.write_text(write_yaml({"version": 1, "privacy_rules": [ACME]}))

    output = run("import", str(file))

    assert "It would become r2: rules added: nda-acme" in output
    assert get_head().revision == 1


def test_import_with_publish_publishes_as_the_operator(db, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(write_yaml({"version": 1, "privacy_rules": [ACME]}))

    output = run("import", str(file), "--publish", "--override", "Acme signed today")

    entry = AuditEntry.objects.get(subject_id="r2")
    assert "Published r2." in output
    assert (entry.by, entry.actor) == (None, "operator at the command line")
    assert entry.data["note"] == "Acme signed today"


def test_import_names_every_problem_at_once_and_publishes_nothing(db, tmp_path):
    ensure_first_revision()
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\nprivacy_rules:\n  - {id: a, effect: locl, match: {}}\nunknown: 1\n")

    with pytest.raises(CommandError) as raised:
        run("import", str(file), "--publish")

    assert raised.value.returncode == 1
    assert "privacy_rules[0].effect" in str(raised.value)
    assert "'locl'" in str(raised.value)
    assert "unknown" in str(raised.value)
    assert get_head().revision == 1


def test_a_time_zone_with_a_typo_is_refused_with_all_the_rest(db, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\norganisation: {time_zone: Asia/Tokio}\nunknown: 1\n")

    for wish in ([], ["--draft"], ["--publish"]):
        with pytest.raises(CommandError, match="2 problems") as raised:
            run("import", str(file), *wish)
        assert "'Asia/Tokio'" in str(raised.value)
    assert get_head().revision == 1


def test_a_missing_file_is_named(db):
    with pytest.raises(CommandError, match=r"nowhere\.yaml cannot be read"):
        run("import", "nowhere.yaml")


def test_export_writes_a_file_that_import_calls_unchanged(db, tmp_path):
    file = tmp_path / "policy.yaml"

    run("export", str(file))

    assert "nothing changes" in run("import", str(file))


CASE = {
    "name": "Acme never leaves",
    "task": "architecture-design",
    "projects": [{"remotes": ["git@github.com:acme/a"]}],
}


@pytest.mark.parametrize(
    "expect", [{"not": "cloud"}, {"backend": "local"}, {"effect": "local_only"}, {"reason": "rule_matched"}]
)
def test_the_policys_own_cases_pass(publish, expect):
    publish(
        privacy_rules=[ACME],
        cases=[{**CASE, "expect": expect}, {**CASE, "machine": "none", "expect": {"not": "cloud"}}],
    )

    assert "2 cases passed." in run("test")


def test_a_case_that_fails_is_named_with_what_came_instead(publish):
    publish(unclassified={"identified": "cloud_ok"}, cases=[{**CASE, "expect": {"not": "cloud"}}])
    output = StringIO()

    with pytest.raises(CommandError, match="1 of 1 cases failed"):
        call_command("policy", "test", stdout=output)

    assert "Acme never leaves: expected not cloud, got cloud" in output.getvalue()


def test_explain_prints_the_trace_stage_by_stage_and_logs_nothing(publish, ben_mini, tmp_path):
    publish(privacy_rules=[ACME])
    file = tmp_path / "request.json"
    file.write_text(
        json.dumps({"task": CASE["task"], "projects": CASE["projects"], "machine": ben_mini.machine.public_id})
    )
    output = StringIO()

    call_command("explain", str(file), stdout=output)

    said = output.getvalue()
    assert said.startswith(
        "architecture-design: local (local_only), policy r1\n\nPrivacy\n  rule_matched: The rule nda-acme"
    )
    titles = ["Privacy", "Feasibility", "Preference", "Selection", "Outcome", "Obligations"]
    assert [line for line in said.splitlines() if line in titles] == titles
    assert "\nnot taken cloud: rule_matched. " in said
    assert "\nobligation loopback_only: " in said
    assert not Decision.objects.exists()


def test_explain_speaks_japanese_when_asked_or_when_the_terminal_does(publish, ben_mini, tmp_path):
    publish(privacy_rules=[ACME])
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"task": "multi-file-edit", "machine": ben_mini.machine.public_id}))

    def explained(*more: str) -> str:
        output = StringIO()
        call_command("explain", str(file), *more, stdout=output)
        return output.getvalue()

    asked = explained("--language", "ja")
    with translation.override("ja"):
        told = explained()

    assert told == asked
    assert "\nプライバシー\n" in asked
    assert "task_prefers_cloud: multi-file-edit は、可能ならクラウドで実行します。" in asked


def test_explain_names_what_is_wrong_with_a_request(db, tmp_path):
    file = tmp_path / "request.json"
    file.write_text('{"task": "poem"}')

    with pytest.raises(CommandError, match="known: architecture-design"):
        call_command("explain", str(file))


def test_closed_rule_is_proved_with_the_number_of_classes(publish):
    publish(privacy_rules=[ACME])

    said = run("prove")

    assert re.search(r"nda-acme: no request .* can be answered cloud \([0-9,]+ classes checked\)\.", said)
    assert "  an ssh alias: local_only" in said


def test_hole_is_a_counterexample_and_a_failure(publish):
    hole = {
        "id": "wide", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/**"]}, "effect": "cloud_ok",
        "expires": "2999-01-01",
    }  # fmt: skip
    publish(privacy_rules=[ACME], exceptions=[hole])

    with pytest.raises(CommandError, match="Not proved: nda-acme"):
        run("prove", "nda-acme")


def test_proof_of_an_unknown_rule_names_the_known_ones(publish):
    publish(privacy_rules=[ACME])

    with pytest.raises(CommandError, match="known: nda-acme"):
        run("prove", "nobody")


def test_lint_names_what_was_probably_not_meant(publish):
    publish(privacy_rules=[ACME | {"match": {"remotes": ["github.com/**"]}}])

    assert "[lint_whole_host]" in run("lint")
