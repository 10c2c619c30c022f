"""Requests in, answers out: what is refused, and that nothing of a person's machine reaches a log."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.engine import wire
from routing.engine.errors import WireError
from routing.engine.reading import strict_json
from routing.engine.request import ANONYMOUS_PROJECT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json.malformed"),
        (b"{", "json.malformed"),
        (b"\xff{}", "json.not_utf8"),
        (b'{"task":"a","task":"b"}', "json.duplicate_key"),
        (b'{"task":"a\\u0000"}', "json.refused_character"),
        (b'{"task":"\\ud800"}', "json.refused_character"),
        (b'{"task":NaN}', "json.not_a_number"),
        (b'{"task":1e999}', "json.number_too_long"),
        (b'{"task":' + b"9" * 5000 + b"}", "json.number_too_long"),
        (b"[" * 100_000, "json.too_deep"),
        (b"[" * 40_000, "json.too_deep"),
        (b'{"task":"' + b"x" * 100_000 + b'"}', "request.too_large"),
        (b"[]", "field.invalid"),
        (b'{"task":1}', "field.invalid"),
        (b"{}", "field.missing"),
        (b'{"task":"a","prompt":"hello"}', "field.unknown"),
        (b'{"task":"a","context_tokens":-1}', "field.invalid"),
        (b'{"task":"a","context_tokens":true}', "field.invalid"),
        (b'{"task":"a","projects":[]}', "field.invalid"),
        (b'{"task":"a","projects":[{"branch":"x"}]}', "field.unknown"),
        (b'{"task":"a","session":{"floor":"weak"}}', "field.invalid"),
        (b'{"task":"a","client":"emacs"}', "field.invalid"),
        (b'{"task":"a","needs":["luck"]}', "field.invalid"),
    ],
)
def test_odd_body_is_refused_with_a_code(body: bytes, code: str) -> None:
    if code == "json.too_deep":
        body = body[: wire.MAX_REQUEST_BYTES]

    with pytest.raises(WireError) as raised:
        wire.parse_request(body)

    assert raised.value.code == code


def test_only_the_task_is_required() -> None:
    request = wire.parse_request(b'{"task":"commit-message"}')

    assert request.projects == (ANONYMOUS_PROJECT,)
    assert request.context_tokens == 0


def test_too_many_remotes_are_refused_and_never_cut() -> None:
    body = json.dumps({"task": "a", "projects": [{"remotes": ["git@h.example:a/b"] * 65}]}).encode()

    with pytest.raises(WireError) as raised:
        wire.parse_request(body)

    assert raised.value.field == "projects[0].remotes"
    assert "65" in raised.value.detail


def test_error_never_quotes_a_remote_or_a_folder() -> None:
    body = json.dumps({"task": "a", "projects": [{"remotes": [{"raw": "https://u:canary@h.example/x", "url": 1}]}]})
    paths = json.dumps({"task": "a", "projects": [{"paths": "~/canary"}]})

    for text in (body, paths):
        with pytest.raises(WireError) as raised:
            wire.parse_request(text.encode())
        assert "canary" not in raised.value.detail


def test_log_form_keeps_no_credentials_and_no_folders() -> None:
    request = wire.parse_request(
        b'{"task":"a","projects":[{"remotes":["https://u:canary@github.com/acme/app"],"paths":["~/canary"]}]}'
    )

    logged = json.dumps(wire.loggable_request(request))

    assert "canary" not in logged
    assert "github.com/acme/app" in logged


SIGNALS = st.none() | st.lists(st.text(min_size=1, max_size=20).filter(str.isprintable), max_size=3)
REQUESTS = st.fixed_dictionaries(
    {"task": st.sampled_from(["commit-message", "agent-team"])},
    optional={
        "projects": st.lists(
            st.fixed_dictionaries({}, optional={"remotes": SIGNALS, "markers": SIGNALS, "paths": SIGNALS}),
            min_size=1,
            max_size=3,
        ),
        "context_tokens": st.integers(0, 10**6),
        "offline": st.booleans(),
        "deadline_s": st.none() | st.floats(0, 1000),
        "client": st.none() | st.sampled_from(["claude", "aider"]),
        "session": st.none() | st.just("s1"),
    },
)


@given(REQUESTS)
def test_full_form_of_a_request_reads_back_as_the_same_request(document: dict[str, Any]) -> None:
    request = wire.request_from_document(document)

    assert wire.request_from_document(wire.request_document(request)) == request


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_whatever_the_document_only_wire_errors_are_raised(document: object) -> None:
    with pytest.raises(WireError):
        wire.request_from_document(document)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_only_wire_errors_are_raised(body: bytes) -> None:
    with contextlib.suppress(WireError):
        strict_json.parse(body, max_bytes=1000)


@pytest.mark.parametrize(
    "remote",
    [
        "user:canary@github.com/acme/app",
        "https:/user:canary@github.com/acme/app",
        "ssh://user:can/canary@github.com/acme/app",
        "https://user:canary@git hub.com/acme/app",
        "https://user%3acanary%40github.com/acme/app",
        "hg::https://user:canary@github.com/acme/app",
        "https://github.com/acme/app?token=canary",
        "https://github.com/acme/app#canary",
    ],
)
def test_log_form_of_a_malformed_remote_keeps_no_credentials(remote: str) -> None:
    request = wire.request_from_document({"task": "a", "projects": [{"remotes": [remote]}]})

    assert "canary" not in json.dumps(wire.loggable_request(request))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"remotes": [{"raw": "a"}]}, "projects[0].remotes[0].url"),
        ({"remotes": [{"raw": "a", "url": None}]}, "projects[0].remotes[0].url"),
        ({"remotes": [""]}, "projects[0].remotes[0].raw"),
        ({"remotes": ["a" * 2049]}, "projects[0].remotes[0].raw"),
        ({"paths": ["a" * 2049]}, "projects[0].paths[0]"),
        ({"paths": ["a"] * 17}, "projects[0].paths"),
        ({"markers": [1]}, "projects[0].markers[0]"),
        ({"complete": None}, "projects[0].complete"),
        ({"complete": 0}, "projects[0].complete"),
        ({"role": "boss"}, "projects[0].role"),
    ],
)
def test_signal_outside_its_limits_is_refused_by_its_place(document: dict[str, Any], field: str) -> None:
    with pytest.raises(WireError) as raised:
        wire.request_from_document({"task": "a", "projects": [document]})

    assert raised.value.field == field


def test_too_many_projects_are_refused() -> None:
    with pytest.raises(WireError):
        wire.request_from_document({"task": "a", "projects": [{}] * 65})
    assert len(wire.request_from_document({"task": "a", "projects": [{}] * 64}).projects) == 64
