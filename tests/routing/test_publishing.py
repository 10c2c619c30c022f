"""Revisions: immutable, numbered without gaps, in force at once."""

import json
import os
import subprocess
import sys

import pytest

from portal.audit.models import AuditEntry
from portal.common.policy_head import get_head
from routing.bundles import find_current_bundle, get_current_bundle
from routing.engine.errors import PolicyErrors
from routing.models import FrozenRevisionError, PolicyRevision
from routing.services import change_policy, ensure_first_revision, publish_revision
from tests.routing.conftest import ACME


def test_the_first_revision_is_the_shipped_policy(db):
    revision = ensure_first_revision()

    assert revision is not None
    assert revision.number == 1
    document = json.loads(revision.document)
    assert document["unclassified"] == {"identified": "cloud_ok", "anonymous": "local_only"}
    assert len(document["tasks"]) == 13


def test_the_first_revision_is_made_once(db):
    ensure_first_revision()

    assert ensure_first_revision() is None
    assert PolicyRevision.objects.count() == 1


def test_a_publish_is_audited_with_who_and_what(aiko, publish):
    publish()
    revision = publish(privacy_rules=[ACME])

    entry = AuditEntry.objects.get(subject_id="r2")
    assert (entry.by, entry.action, entry.data) == (
        aiko,
        "revision.published",
        {"note": "", "rules_added": ["nda-acme"]},
    )
    assert (revision.by, revision.actor) == (aiko, "aiko@example.org")


def test_the_next_read_of_the_bundle_sees_a_publish(publish):
    publish()
    before = get_current_bundle()

    publish(privacy_rules=[ACME])

    assert before.bundle.revision == 1
    assert get_current_bundle().bundle.revision == 2
    assert [rule.id for rule in get_current_bundle().bundle.policy.privacy_rules] == ["nda-acme"]


def test_reading_an_unchanged_bundle_costs_one_query(publish, django_assert_num_queries):
    publish()
    get_current_bundle()

    with django_assert_num_queries(1):
        get_current_bundle()


def test_a_bundle_is_issued_anew_before_it_can_expire(publish, time_machine):
    time_machine.move_to("2026-11-25T09:30:00Z", tick=False)
    publish()
    first = get_current_bundle()

    time_machine.move_to("2026-11-25T09:59:59Z", tick=False)
    same_hour = get_current_bundle()
    time_machine.move_to("2026-12-24T10:00:00Z", tick=False)
    a_month_later = get_current_bundle()

    assert same_hour.etag == first.etag
    assert a_month_later.etag != first.etag
    assert a_month_later.bundle.issued_at.isoformat() == "2026-12-24T10:00:00+00:00"
    assert a_month_later.bundle.revision == first.bundle.revision


def test_a_wrong_document_publishes_nothing(publish, aiko):
    publish()

    with pytest.raises(PolicyErrors):
        publish_revision(document={"version": 1, "privacy_rules": [{"id": "x"}]}, by=aiko)

    assert get_head().revision == 1
    assert PolicyRevision.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.save(),
        lambda row: row.delete(),
        lambda _row: PolicyRevision.objects.update(note="x"),
        lambda _row: PolicyRevision.objects.all().delete(),
        lambda row: PolicyRevision.objects.bulk_update([row], ["note"]),
    ],
    ids=["save", "delete", "update", "delete many", "bulk update"],
)
def test_a_published_revision_cannot_be_changed(publish, change):
    revision = publish()

    with pytest.raises(FrozenRevisionError):
        change(revision)


def test_a_change_starts_from_the_policy_in_force(publish, aiko):
    publish(privacy_rules=[ACME])
    other = {**ACME, "id": "nda-orion", "match": {"remotes": ["github.com/orion/**"]}}

    change_policy(
        change=lambda document: {**document, "privacy_rules": [*document["privacy_rules"], other]}, by=aiko, note=""
    )

    assert [rule.id for rule in get_current_bundle().bundle.policy.privacy_rules] == ["nda-acme", "nda-orion"]


@pytest.mark.slow
def test_processes_that_publish_at_once_each_get_their_own_number(tmp_path):
    manage = [sys.executable, "manage.py"]
    environment = {
        **os.environ,
        "KIRIKAE_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    subprocess.run([*manage, "migrate", "-v0"], env=environment, check=True)
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\n")

    publishing = [*manage, "policy", "import", str(file), "--publish"]
    running = [subprocess.Popen(publishing, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    # Revision 1 is the shipped policy, published by whoever came first.
    said = sorted(process.communicate(timeout=60)[0].strip() for process in running)
    assert said == ["Published r2.", "Published r3.", "Published r4.", "Published r5."]


def test_there_is_no_bundle_before_the_first_revision(db):
    assert find_current_bundle() is None
