"""The privacy stage against the same said naively, over generated policies and projects."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given

from routing.engine import wire
from routing.engine.matching.signals import read_signals
from routing.engine.policy.values import Policy
from tests.engine.conftest import NOW, every_way
from tests.engine.naive_privacy import effect_of_project
from tests.engine.test_invariants import PROJECTS, policies

pytestmark = pytest.mark.slow


@given(policies(), PROJECTS)
def test_every_way_through_the_rules_gives_the_effect_of_the_reference(policy: Policy, project: dict[str, Any]) -> None:
    asked = wire.request_from_document({"task": "x", "projects": [project]}).projects[0]

    wanted = effect_of_project(policy, asked, today=NOW.astimezone(UTC).date(), machine=None)

    for rules in every_way(policy):
        verdict = rules.judge(read_signals(asked), now=NOW, machine=None, is_expired=False)
        assert verdict.effect is wanted
