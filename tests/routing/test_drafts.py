"""Drafts of the policy: they wait, they change nothing, and an admin publishes or discards them."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from portal.common.policy_head import get_head
from portal.common.yaml_files import write_yaml
from routing.bundles import get_current_document
from routing.drafts import DraftRefusedError, discard_draft, list_waiting_drafts, publish_draft, save_draft
from routing.models import PolicyDraft, PolicyRevision
from tests.routing.conftest import ACME
from tests.routing.test_pages import FORM

BETA = {**ACME, "id": "nda-beta", "match": {"remotes": ["github.com/beta/**"]}}


@pytest.fixture
def draft(aiko, publish) -> PolicyDraft:
    publish(privacy_rules=[ACME])
    return save_draft(change=adding(BETA), title="Beta", by=aiko)


def adding(rule: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: {**document, "privacy_rules": [*document["privacy_rules"], rule]}


def audited(draft: PolicyDraft) -> list[str]:
    return list(AuditEntry.objects.filter(subject_id=draft.public_id).order_by("id").values_list("action", flat=True))


def test_a_draft_waits_and_changes_nothing(draft):
    [waiting] = list_waiting_drafts()

    assert get_head().revision == 1
    assert (waiting.draft, waiting.changes.added, waiting.meanwhile) == (draft, ("nda-beta",), None)
    assert audited(draft) == ["draft.saved"]


def test_publishing_makes_exactly_what_was_saved_the_next_revision(draft, aiko):
    revision = publish_draft(public_id=draft.public_id, by=aiko)

    assert (revision.number, revision.digest, revision.note) == (2, draft.digest, "Beta")
    assert [rule["id"] for rule in get_current_document()["privacy_rules"]] == ["nda-acme", "nda-beta"]
    assert list_waiting_drafts() == []
    assert audited(draft) == ["draft.saved", "draft.published"]


def test_a_discarded_draft_stays_on_record_and_is_offered_no_more(draft, aiko):
    discard_draft(public_id=draft.public_id, by=aiko)

    assert list_waiting_drafts() == []
    assert audited(draft) == ["draft.saved", "draft.discarded"]
    with pytest.raises(DraftRefusedError, match="discarded already"):
        publish_draft(public_id=draft.public_id, by=aiko)
    assert get_head().revision == 1


def test_a_draft_is_published_once(draft, aiko):
    publish_draft(public_id=draft.public_id, by=aiko)

    with pytest.raises(DraftRefusedError, match="published already"):
        publish_draft(public_id=draft.public_id, by=aiko)
    assert get_head().revision == 2


def test_a_draft_of_an_older_revision_is_refused_with_what_changed_since(draft, aiko, publish):
    publish(privacy_rules=[ACME, {**BETA, "id": "nda-gamma"}], unclassified={"identified": "local_only"})

    with pytest.raises(DraftRefusedError) as refused:
        publish_draft(public_id=draft.public_id, by=aiko)

    assert "from r1: rules added: nda-gamma; also changed: projects without a class. Nothing was published." in str(
        refused.value
    )
    assert get_head().revision == 2
    meanwhile = list_waiting_drafts()[0].meanwhile
    assert meanwhile is not None
    assert meanwhile.added == ("nda-gamma",)


def test_what_differs_in_nothing_is_not_saved(publish, aiko):
    publish(privacy_rules=[ACME])

    with pytest.raises(DraftRefusedError, match="nothing to save"):
        save_draft(change=lambda document: document, title="same", by=aiko)
    assert not PolicyDraft.objects.exists()


def test_the_database_knows_no_draft_that_is_both_closed_and_waiting(draft):
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyDraft.objects.update(state=PolicyDraft.State.PUBLISHED)


def test_the_rule_form_saves_a_draft_that_one_click_publishes(client_of, aiko, publish):
    publish()
    client = client_of(aiko)

    page = client.post("/rules/new", {**FORM, "draft": "1"}, follow=True).content.decode()
    draft = PolicyDraft.objects.get()
    assert "The draft nda-acme is saved. It is not in force." in page
    assert f"/rules/drafts/{draft.public_id}/publish" in page
    assert get_current_document()["privacy_rules"] == []
    published = client.post(f"/rules/drafts/{draft.public_id}/publish", follow=True).content.decode()

    assert "Policy r2 is published and in force." in published
    assert [rule["id"] for rule in get_current_document()["privacy_rules"]] == ["nda-acme"]


def test_an_edit_can_be_a_draft_too_and_an_unchanged_one_is_told(client_of, aiko, publish):
    publish(privacy_rules=[ACME])
    client = client_of(aiko)
    same = {
        "code": "nda-acme", "name_en": "Project Falcon", "name_ja": "ファルコン", "effect": "local_only",
        "remotes": "github.com/acme/**", "reason_en": "NDA with Acme", "reason_ja": "Acme社とのNDA",
        "review_by": "2027-03-31", "draft": "1",
    }  # fmt: skip

    unchanged = client.post("/rules/nda-acme/", same)
    client.post("/rules/nda-acme/", {**same, "effect": "block"})

    assert unchanged.status_code == 422
    assert "nothing to save" in unchanged.content.decode()
    assert list_waiting_drafts()[0].changes.changed == ("nda-acme",)


def test_an_old_draft_offers_no_publishing_and_says_why(client_of, aiko, draft, publish):
    publish(privacy_rules=[ACME, {**BETA, "id": "nda-gamma"}])
    client = client_of(aiko)

    page = client.get("/rules/").content.decode()
    told = client.post(f"/rules/drafts/{draft.public_id}/publish", follow=True).content.decode()
    discarded = client.post(f"/rules/drafts/{draft.public_id}/discard", follow=True).content.decode()

    assert f"/rules/drafts/{draft.public_id}/publish" not in page
    assert "The policy has changed since (rules added: nda-gamma)" in page
    assert "Nothing was published" in told
    assert "The draft Beta is discarded." in discarded


def test_auditors_see_drafts_and_developers_do_not_and_neither_decides_them(client_of, draft, ben, chie):
    auditor = User.objects.create_user(email="dai@example.org", name="Dai", password=None, role=Role.AUDITOR)

    theirs = client_of(auditor).get("/rules/").content.decode()
    hers = client_of(chie).get("/rules/").content.decode()

    assert draft.public_id in theirs
    assert "nda-beta" not in hers
    for person in (auditor, ben):
        for wish in ("publish", "discard"):
            assert client_of(person).post(f"/rules/drafts/{draft.public_id}/{wish}").status_code == 403
    assert PolicyRevision.objects.count() == 1


def test_a_draft_that_never_was_is_not_found(client_of, aiko, publish):
    publish()

    assert client_of(aiko).post("/rules/drafts/d_nowhere/publish").status_code == 404


def test_an_import_can_wait_as_a_draft(publish, tmp_path):
    publish()
    file = tmp_path / "policy.yaml"
    file.write_text(write_yaml({"version": 1, "privacy_rules": [ACME]}))
    output = StringIO()

    call_command("policy", "import", str(file), "--draft", "--override", "Acme signs on Monday", stdout=output)

    draft = PolicyDraft.objects.get()
    assert f"Saved draft {draft.public_id} from r1. It is not in force." in output.getvalue()
    assert (draft.title, draft.note, draft.actor) == (
        "policy.yaml",
        "Acme signs on Monday",
        "operator at the command line",
    )
    assert get_head().revision == 1
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("policy", "import", str(file), "--draft", "--publish")


def test_drafts_cost_the_same_for_one_and_for_ten(client_of, aiko, draft, django_assert_num_queries):
    for number in range(9):
        save_draft(change=adding({**BETA, "id": f"nda-{number}"}), title=str(number), by=aiko)

    with django_assert_num_queries(3):
        assert len(list_waiting_drafts()) == 10
