"""The fixed cast: Aiko owns the portal, Ben develops, Chie develops in another team and must see nothing of his."""

from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import Role, User

PASSWORD = "correct horse battery staple"


@pytest.fixture
def aiko(db: None) -> User:
    return User.objects.create_user(email="aiko@example.org", name="Aiko", password=PASSWORD, role=Role.OWNER)


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user(email="ben@example.org", name="Ben", password=PASSWORD)


@pytest.fixture
def chie(db: None) -> User:
    return User.objects.create_user(email="chie@example.org", name="Chie", password=PASSWORD)


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A browser in which the person is signed in."""

    def sign_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in
