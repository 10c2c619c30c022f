"""Pages as an outsider, an insider and a clumsy admin meet them: nothing leaks, nothing breaks, nothing runs."""

import pytest

from portal.common.policy_head import get_head
from routing.models import Decision, PolicyDraft
from tests.routing.conftest import ACME
from tests.routing.test_pages import FORM

SECRET = "github.com/acme/hush-hush"
MARKUP = "github.com/<script>alert(1)</script>/app"
HTMX = {"HX-Request": "true"}

LISTS = ("/", "/home/live", "/decisions/", "/decisions/export.csv", "/projects/", "/rules/", "/requests/", "/matrix/")
ODD = ("%00", "-1", "99999999999999999999", "abc", "%F0%9F%92%A3", "'%20OR%201=1--", "..%2F..%2Fetc", "a" * 3000)


@pytest.fixture
def bens_work(publish, ben_mini) -> Decision:
    """Ben works under a confidential rule, and has asked for an exception."""
    publish(privacy_rules=[{**ACME, "confidential": True, "name": {"en": "Hush", "ja": "Hush"}}])
    project = {"remotes": [f"https://{SECRET}"]}
    answer = ben_mini.ask({"task": "architecture-design", "projects": [project]}).json()
    document = {"kind": "exception", "reason": "hush", "projects": [project]}
    ben_mini.client.post("/api/v1/requests", document, content_type="application/json")
    return Decision.objects.get(pk=answer["id"])


def body_of(response) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode().lower()


@pytest.mark.parametrize("path", LISTS)
def test_chie_reads_nothing_of_bens_work_in_any_list(client_of, bens_work, chie, path):
    client = client_of(chie)

    for address in (path, f"{path}?q=hush", f"{path}?remote=hush", f"{path}?machine={bens_work.machine.public_id}"):
        page = body_of(client.get(address, headers=HTMX if path == "/home/live" else {}))
        page = page.replace("q=hush", "").replace("remote=hush", "").replace('value="hush"', "").replace("“hush”", "")
        for word in ("hush", "ben-mini", "nda-acme"):
            assert word not in page, address


def test_chie_opens_no_page_of_bens_and_changes_nothing(client_of, bens_work, chie):
    client = client_of(chie)
    client.post("/rules/new", FORM)
    head = get_head().revision

    assert client.get(f"/decisions/{bens_work.pk}/").status_code == 404
    for path in ("/rules/new", "/rules/nda-acme/", "/rules/nda-acme/remove", "/rules/drafts/x/publish"):
        assert client.post(path, {**FORM, "preview": "1"}).status_code == 403
        assert "hush" not in body_of(client.post(path, {**FORM, "preview": "1", "remotes": "**"}, headers=HTMX))
    assert (get_head().revision, PolicyDraft.objects.count()) == (head, 0)


def test_ben_previews_no_rule_to_learn_what_others_work_on(client_of, bens_work, ben):
    assert client_of(ben).post("/rules/new", {"preview": "1", "remotes": "*/**"}, headers=HTMX).status_code == 403


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("person", ["aiko", "ben"])
def test_odd_addresses_break_no_page(client_of, bens_work, request, person, value):
    client = client_of(request.getfixturevalue(person))
    names = ("q", "page", "drafts", "older", "newer", "machine", "task", "backend", "first_day", "remote", "request")

    for path in LISTS:
        query = "&".join(f"{name}={value}" for name in names)
        assert client.get(f"{path}?{query}").status_code in (200, 302, 422), path


@pytest.mark.parametrize("value", ODD)
def test_odd_addresses_of_the_form_break_nothing(client_of, bens_work, aiko, value):
    client = client_of(aiko)

    assert client.get(f"/rules/new?remote={value}&effect={value}").status_code == 200
    assert client.get(f"/rules/new?request={value}").status_code == 404
    assert client.post(f"/rules/new?request={value}", FORM).status_code == 422


def test_markup_in_names_is_shown_and_never_run(client_of, publish, ben_mini, aiko):
    publish(unclassified={"identified": "cloud_ok"})
    ben_mini.ask({"task": "commit-message", "projects": [{"remotes": [f"https://{MARKUP}"]}]})
    client = client_of(aiko)
    client.post("/rules/new", {**FORM, "name_en": MARKUP, "reason_en": MARKUP, "remotes": "github.com/acme/**"})

    for path in ("/", "/decisions/", "/projects/?q=<script>", "/rules/?q=<script>", "/rules/nda-acme/"):
        assert "<script>alert" not in client.get(path).content.decode(), path
    preview = client.post("/rules/new", {"preview": "1", "remotes": "<script>alert(1)</script>/**"}).content.decode()
    assert "<script>alert" not in preview


@pytest.mark.parametrize(
    "clumsy",
    [
        {},
        {"code": ""},
        {"effect": "everything"},
        {"effect": "cloud_ok", "remotes": "**"},
        {"remotes": "\n\n  \n"},
        {"remotes": "x\n" * 3000},
        {"remotes": "github.com/acme/**\0"},
        {"review_by": "31.12.2027"},
        {"review_by": "9999-99-99"},
        {"exceptions": "perhaps"},
        {"code": "nda-acme"},
        {"name_en": "x" * 501},
        {"seen": "x" * 9000, "code": "NDA"},
    ],
)
def test_a_clumsy_admin_gets_the_form_back_with_what_was_typed(client_of, bens_work, aiko, clumsy):
    client, head = client_of(aiko), get_head().revision
    form = {**FORM, "code": "nda-new", **clumsy} if clumsy else {}

    sent = client.post("/rules/new", form)
    shown = client.post("/rules/new", {**form, "preview": "1"})

    assert sent.status_code == 422, sent.context and sent.context["form"].errors
    assert shown.status_code == 200
    assert get_head().revision == head
    if clumsy:
        assert form["reason_en"] in sent.content.decode()


def test_a_double_click_on_publish_makes_one_rule(client_of, bens_work, aiko):
    client = client_of(aiko)
    head = get_head().revision

    answers = [client.post("/rules/new", {**FORM, "code": "nda-new"}).status_code for _ in range(2)]

    assert answers == [302, 422]
    assert get_head().revision == head + 1
