"""The OpenAPI description: complete, valid, and the one that is checked in."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from tests.house.test_routes import ACCESS

CHECKED_IN = Path("docs/openapi.yaml")
COMMAND = "uv run manage.py spectacular --lang en --file docs/openapi.yaml"


@pytest.fixture
def described(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/schema", headers={"Accept-Language": "en"}).json()
    return found


def test_it_is_valid_and_nothing_in_it_was_guessed(tmp_path: Path) -> None:
    made = tmp_path / "openapi.yaml"

    call_command("spectacular", file=str(made), validate=True, fail_on_warn=True, lang="en")

    assert made.read_text() == CHECKED_IN.read_text(), f"The API has changed. Write it down: {COMMAND}"


def test_what_is_served_is_what_is_checked_in(described: dict[str, Any]) -> None:
    assert described == yaml.safe_load(CHECKED_IN.read_text())


def test_every_route_is_described_with_the_body_of_its_errors(described: dict[str, Any]) -> None:
    routes = {route for route in ACCESS if route.startswith("api/v1/") and route != "api/v1/schema"}

    assert {path.translate(str.maketrans("{}", "<>")).strip("/") for path in described["paths"]} == routes
    operations = [one for path in described["paths"].values() for one in path.values()]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert [one["operationId"] for one in operations if one["responses"]["default"]["content"] != problem] == []
    assert all(one.get("description") for one in operations if one["operationId"].startswith(("get_", "list_")))
