"""Finds the runtimes of this machine: all addresses at once, by what they answer, under one deadline."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from urllib.parse import urlsplit

from kirikae.collect import llama_cpp, ollama, openai_compatible
from kirikae.collect.runtime_facts import Model, Runtime, as_down
from kirikae.engine.stages.loopback import is_loopback
from kirikae.errors import UsageError
from kirikae.fetch import FetchError, Response, fetch

DEFAULT_PORTS = (11434, 1234, 8080, 8000, 1337)
DEFAULT_URLS = tuple(f"http://127.0.0.1:{port}" for port in DEFAULT_PORTS)
MAX_RUNTIMES = 16
REPORT_BUDGET_S = 0.3
# `ask` has a quarter of a second in all, with the start of Python; a runtime on loopback answers in a few milliseconds.
ASK_BUDGET_S = 0.14


def configured_urls(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Addresses from KIRIKAE_RUNTIMES; off this machine only with KIRIKAE_RUNTIMES_ALLOW_REMOTE=1."""
    texts = [text.strip() for text in environment.get("KIRIKAE_RUNTIMES", "").split(",") if text.strip()]
    urls = tuple(dict.fromkeys(_normalised(text) for text in texts))
    allow_remote = environment.get("KIRIKAE_RUNTIMES_ALLOW_REMOTE") == "1"
    for url in urls:
        if not allow_remote and not is_loopback(url):
            raise UsageError("runtimes.not_loopback", url=url)
    if len(urls) > MAX_RUNTIMES - len(DEFAULT_URLS):
        raise UsageError("runtimes.too_many", limit=MAX_RUNTIMES - len(DEFAULT_URLS))
    return urls


def may_ask(base_url: str, environment: Mapping[str, str] = os.environ) -> bool:
    """With KIRIKAE_RUNTIMES_ONLY=1 no addresses count but those that are named."""
    return environment.get("KIRIKAE_RUNTIMES_ONLY") != "1" or base_url in configured_urls(environment)


def find_runtimes(
    *,
    budget_s: float,
    known: Sequence[Runtime] = (),
    skip: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[Runtime, ...]:
    """Runtimes in the order of their addresses. `known`: the last report's; `skip`: the portal's own address.

    An address that was named or known and refuses is down; an unknown one that refuses is nothing.
    """
    configured = configured_urls(environment)
    expected = {runtime.base_url: runtime for runtime in known}
    portal = _normalised(skip) if skip else None
    candidates = dict.fromkeys((*DEFAULT_URLS, *configured, *expected))
    urls = [url for url in candidates if url != portal and may_ask(url, environment)][:MAX_RUNTIMES]
    found = _probe_all(urls, expected, deadline=monotonic() + budget_s)
    return tuple(
        runtime
        for url in urls
        if (runtime := found[url]) is not None and (runtime.state != "down" or url in configured or url in expected)
    )


def _probe_all(urls: Sequence[str], expected: Mapping[str, Runtime], *, deadline: float) -> dict[str, Runtime | None]:
    """Threads end by their own deadline; joining under the same one also bounds what a resolver may take."""
    found: dict[str, Runtime | None] = {url: _broken(url, expected.get(url), "timeout") for url in urls}

    def probe(url: str) -> None:
        found[url] = probe_runtime(url, deadline=deadline, known=expected.get(url))

    threads = [threading.Thread(target=probe, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    return dict(found)


def probe_runtime(base_url: str, *, deadline: float, known: Runtime | None = None) -> Runtime | None:
    """None when something answers that is no runtime: port 8000 is everybody's."""
    try:
        return _identify(base_url, deadline=deadline, known=known)
    except FetchError as error:
        if error.reason == "refused":
            return as_down(known) if known else Runtime(_kind(known), base_url, "down")
        return _broken(base_url, known, error.reason)


def _identify(base_url: str, *, deadline: float, known: Runtime | None) -> Runtime | None:
    try:
        listing = fetch(f"{base_url}/v1/models", deadline=deadline)
    except FetchError as error:
        if error.reason != "garbage":
            raise
        return _without_listing(base_url, deadline=deadline, known=known)
    runtime: Runtime | None
    if llama_cpp.is_llama_cpp(listing):
        runtime = llama_cpp.read_runtime(base_url, listing, deadline=deadline, known=known)
    elif (version := _ollama_version(base_url, deadline=deadline)) is not None:
        models: Mapping[str, Model] = {model.name: model for model in known.models} if known else {}
        runtime = ollama.read_runtime(base_url, version, deadline=deadline, known=models)
    else:
        runtime = _identify_rarer(base_url, listing, deadline=deadline, known=known)
    return runtime if runtime is None or is_loopback(base_url) else _all_remote(runtime)


def _identify_rarer(base_url: str, listing: Response, *, deadline: float, known: Runtime | None) -> Runtime | None:
    # Each module costs `ask` half a millisecond, and few machines have one of these.
    from kirikae.collect import lm_studio, mlx_lm, omlx  # noqa: PLC0415

    if omlx.is_omlx(listing):
        return omlx.read_runtime(base_url, listing, deadline=deadline)
    if runtime := lm_studio.find_runtime(base_url, deadline=deadline, known=known):
        return runtime
    if runtime := mlx_lm.find_runtime(base_url, listing, deadline=deadline, known=known):
        return runtime
    return openai_compatible.find_runtime(base_url, listing) or _no_runtime(base_url, listing, known)


def _without_listing(base_url: str, *, deadline: float, known: Runtime | None) -> Runtime:
    """mlx_lm.server breaks off the list of models while there is no cache folder."""
    from kirikae.collect import mlx_lm  # noqa: PLC0415 - as above

    runtime = mlx_lm.find_runtime(base_url, None, deadline=deadline, known=known)
    if runtime is None:
        raise FetchError("garbage")
    return runtime if is_loopback(base_url) else _all_remote(runtime)


def _ollama_version(base_url: str, *, deadline: float) -> str | None:
    """Text that is no JSON is no version: web servers answer every path with a page."""
    answer = fetch(f"{base_url}/api/version", deadline=deadline)
    try:
        return ollama.find_version(answer)
    except FetchError:
        return None


def _no_runtime(base_url: str, listing: Response, known: Runtime | None) -> Runtime | None:
    if listing.status in {401, 403} or listing.status >= 500 or (known is not None and listing.status != 200):
        return _broken(base_url, known, "http_error")
    return None if listing.status in {404, 405} else _broken(base_url, known, "garbage")


def _all_remote(runtime: Runtime) -> Runtime:
    return runtime._replace(models=tuple(model._replace(remote=True) for model in runtime.models))


def _broken(base_url: str, known: Runtime | None, reason: str) -> Runtime:
    return Runtime(_kind(known), base_url, "broken", reason=reason)


def _kind(known: Runtime | None) -> str:
    return known.kind if known else openai_compatible.KIND


def _normalised(text: str) -> str:
    """`localhost` is told as 127.0.0.1, so that one server is not found twice."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as error:
        raise UsageError("runtimes.bad_url", url=text) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("runtimes.bad_url", url=text)
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
