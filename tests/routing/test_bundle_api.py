"""GET /api/v1/bundle: the signed policy."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.test import Client

from portal.accounts.token_models import Scope
from portal.accounts.tokens import issue_service_token
from portal.common.signing import public_key_base64
from routing.engine.bundle import parse_payload

URL = "/api/v1/bundle"


@pytest.fixture
def reader(aiko) -> Client:
    token = issue_service_token(name="reader", scope=Scope.READ, by=aiko)
    return Client(headers={"Authorization": f"Bearer {token.text}"})


def test_the_bundle_is_signed_over_its_payload(reader):
    body = reader.get(URL).json()

    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key_base64()))
    key.verify(base64.b64decode(body["signature"]), body["payload"].encode())
    assert parse_payload(body["payload"].encode()).revision == 1
    assert json.loads(body["payload"])["epoch"] == 1


def test_an_unchanged_bundle_costs_a_304(reader, publish):
    publish()
    etag = reader.get(URL)["ETag"]

    assert reader.get(URL, headers={"If-None-Match": etag}).status_code == 304
    publish()
    assert reader.get(URL, headers={"If-None-Match": etag}).status_code == 200


def test_a_token_that_may_only_decide_gets_no_bundle(aiko):
    token = issue_service_token(name="wrapper", scope=Scope.DECIDE, by=aiko)

    response = Client(headers={"Authorization": f"Bearer {token.text}"}).get(URL)

    assert (response.status_code, response.json()["code"]) == (403, "token.scope_missing")


def test_a_signed_in_person_without_token_gets_no_bundle(client_of, aiko):
    response = client_of(aiko).get(URL)

    assert (response.status_code, response.json()["code"]) == (401, "token.missing")
