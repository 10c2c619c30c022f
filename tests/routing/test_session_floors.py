"""A session that met protected work stays protected, whatever it says of itself later."""

from collections.abc import Callable

import pytest

from routing.engine.wire import canonical_answer
from routing.models import PolicyRevision, SessionFloor
from tests.routing.conftest import ACME, Caller

pytestmark = pytest.mark.django_db
PROTECTED = [{"remotes": ["git@github.com:acme/app.git"]}]
OPEN = [{"remotes": ["git@github.com:hoshizora/site.git"]}]


def effect_of(caller: Caller, *, session: object, projects: object = OPEN) -> str:
    answer = caller.ask({"task": "architecture-design", "projects": projects, "session": session}).json()
    return str(answer["privacy"]["effect"])


@pytest.fixture(autouse=True)
def rules(publish: Callable[..., PolicyRevision]) -> None:
    publish(unclassified={"identified": "cloud_ok"}, privacy_rules=[ACME])


def test_session_that_met_protected_work_is_answered_as_protected_ever_after(ben_mini: Caller) -> None:
    assert effect_of(ben_mini, session="s1") == "cloud_ok"
    assert effect_of(ben_mini, session="s1", projects=PROTECTED) == "local_only"

    assert effect_of(ben_mini, session="s1") == "local_only"
    assert effect_of(ben_mini, session={"id": "s1", "floor": "org_only"}) == "local_only"
    assert effect_of(ben_mini, session="s2") == "cloud_ok"


def test_floor_that_the_caller_brings_is_remembered_and_only_tightens(ben_mini: Caller) -> None:
    assert effect_of(ben_mini, session={"id": "s1", "floor": "block"}) == "block"
    assert effect_of(ben_mini, session={"id": "s1", "floor": "org_only"}) == "block"

    assert SessionFloor.objects.get().effect == "block"


def test_session_of_another_caller_is_another_session(ben_mini: Caller, service: Caller) -> None:
    effect_of(ben_mini, session="s1", projects=PROTECTED)

    assert effect_of(service, session="s1") == "cloud_ok"


def test_open_work_is_not_remembered(ben_mini: Caller) -> None:
    effect_of(ben_mini, session="s1")

    assert not SessionFloor.objects.exists()


def test_the_same_question_again_is_answered_the_same(ben_mini: Caller) -> None:
    question = {"task": "commit-message", "projects": PROTECTED, "session": "s1"}

    first, second = ben_mini.ask(question).json(), ben_mini.ask(question).json()

    assert canonical_answer(first) == canonical_answer(second)
