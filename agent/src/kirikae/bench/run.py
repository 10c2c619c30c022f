"""One run against a runtime: what was counted, when the first token came, and the reading of its stream."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from time import monotonic
from typing import Protocol

from kirikae.engine.named_tuple import NamedTuple
from kirikae.fetch import FetchError, fetch

GENERATED_TOKENS = 128
# The slowest run worth waiting for: 16,384 tokens at 60/s and 128 at 1/s.
RUN_TIMEOUT_S = 420.0
MAX_STREAM_BYTES = 8 * 1024 * 1024
TEXT = "the quick brown fox jumps over the lazy dog and then walks home along the river"
WORDS = TEXT.split()
# An event that carries text: `content` of llama-server and of chats, `response` of Ollama.
TOKEN = re.compile(rb'"(?:content|reasoning_content|reasoning|response|thinking)":\s*"[^"]')


class Run(NamedTuple):
    """`prompt_tokens` as the runtime counted them; `runtime_version` where only an answer tells it."""

    prompt_tokens: int
    prompt_tokens_per_s: float
    decode_tokens_per_s: float
    first_token_s: float
    runtime_version: str | None = None


class Runner(Protocol):
    """Raises FetchError, KeyError, TypeError or ZeroDivisionError for what the runtime answers wrong."""

    def run(self, depth_tokens: int) -> Run: ...


class Stream(NamedTuple):
    """The events of an answer, and seconds from the request to its first and its last token."""

    events: list[Mapping[str, object]]
    first_token_s: float
    last_token_s: float

    def last_with(self, key: str) -> Mapping[str, object]:
        return next(event for event in reversed(self.events) if isinstance(event.get(key), dict))


class TokenClock:
    """Hears the pieces of an answer; one arrives as soon as the runtime has written it."""

    def __init__(self) -> None:
        self.started = monotonic()
        self.first: float | None = None
        self.last = self.started

    def __call__(self, piece: bytes) -> None:
        if TOKEN.search(piece):
            self.last = monotonic()
            self.first = self.first or self.last


def stream(url: str, document: Mapping[str, object]) -> Stream:
    """Server-sent events or a JSON object a line."""
    clock = TokenClock()
    body = json.dumps(document).encode()
    deadline = clock.started + RUN_TIMEOUT_S
    answer = fetch(url, deadline=deadline, body=body, max_bytes=MAX_STREAM_BYTES, heard=clock)
    if answer.status != 200:
        raise FetchError("http_error")
    if clock.first is None:
        raise FetchError("garbage")
    return Stream(_events(answer.body), clock.first - clock.started, clock.last - clock.started)


def _events(body: bytes) -> list[Mapping[str, object]]:
    lines = [line.removeprefix(b"data:").strip() for line in body.splitlines()]
    try:
        events = [json.loads(line) for line in lines if line.startswith(b"{")]
    except (ValueError, RecursionError) as error:
        raise FetchError("garbage") from error
    return [event for event in events if isinstance(event, dict)]


def words(count: int) -> str:
    """A prompt that starts differently each time: runtimes keep the longest prefix that they have seen."""
    nonce = os.urandom(6).hex()
    return " ".join([nonce, *(WORDS[place % len(WORDS)] for place in range(count))])


class WordCount:
    """Words for a number of tokens, for runtimes that have no tokenizer to ask: learned from each answer."""

    def __init__(self) -> None:
        # Too many, so that the first prompt, which teaches the right number, is short rather than too long.
        self._tokens_per_word = 5.0

    def for_tokens(self, tokens: int) -> int:
        return max(1, round(tokens / self._tokens_per_word))

    def learn(self, *, asked_words: int, counted_tokens: int) -> None:
        """Bounded: a runtime that cuts the prompt, or counts wrong, must not make it grow from run to run."""
        self._tokens_per_word = min(16.0, max(0.5, counted_tokens / asked_words))


def number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)
