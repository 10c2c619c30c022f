"""Ground of the routing tests: a policy in force, and rules to add to it."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.accounts.models import User
from routing import bundles
from routing.models import PolicyRevision
from routing.services import publish_revision

ACME = {
    "id": "nda-acme",
    "name": {"en": "Project Falcon", "ja": "ファルコン"},
    "effect": "local_only",
    "match": {"remotes": ["github.com/acme/**"]},
    "reason": {"en": "NDA with Acme", "ja": "Acme社とのNDA"},
    "review_by": "2027-03-31",
}


@pytest.fixture
def publish(aiko: User) -> Callable[..., PolicyRevision]:
    """Publish a policy with these sections over the shipped one."""

    def publish_sections(**sections: Any) -> PolicyRevision:
        return publish_revision(document={"version": 1, **sections}, by=aiko)

    return publish_sections


@pytest.fixture(autouse=True)
def no_bundle_of_another_test() -> None:
    """Time may stand still in tests, so two heads of two tests may look alike."""
    bundles.forget_bundles()
