"""What the tests of people share."""

from collections.abc import Callable

import pytest

from portal.accounts.models import Role, User


@pytest.fixture
def make_owner() -> Callable[[User], User]:
    def make(person: User) -> User:
        person.role = Role.OWNER
        person.save(update_fields=["role"])
        return person

    return make
