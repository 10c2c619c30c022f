"""The portal's signing key."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.exceptions import ImproperlyConfigured

from portal.common import signing


@pytest.fixture
def key_file(settings, tmp_path) -> Path:
    settings.SIGNING_KEY_FILE = tmp_path / "data" / "signing_key.pem"
    return settings.SIGNING_KEY_FILE


def test_the_key_is_made_at_the_first_use_for_its_owner_alone(key_file):
    signing.get_signing_key()

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [entry.name for entry in key_file.parent.iterdir()] == ["signing_key.pem"]


def test_the_key_survives_a_restart(key_file):
    before = signing.public_key_base64()

    signing._load.cache_clear()

    assert signing.public_key_base64() == before


def test_a_signature_verifies_with_the_public_key(key_file):
    signature = signing.sign(b"payload")

    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(signing.public_key_base64()))
    public.verify(base64.b64decode(signature), b"payload")


def test_processes_that_start_at_once_agree_on_one_key(key_file):
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: signing._load.__wrapped__(key_file), range(8)))

    assert len({key.private_bytes_raw() for key in keys}) == 1


def test_a_damaged_key_file_is_named_and_kept(key_file):
    key_file.parent.mkdir()
    key_file.write_text("not a key")

    with pytest.raises(ImproperlyConfigured, match=r"signing_key\.pem holds no private key"):
        signing.get_signing_key()

    assert key_file.read_text() == "not a key"
