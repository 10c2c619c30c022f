"""Starts a real mlx_lm.server with a tiny model, or with a Hugging Face cache that holds it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kirikae.fetch import FetchError, fetch

from tests.runtimes.llama_server import free_port

# It imports for some seconds, longer while other tests run.
START_TIMEOUT_S = 90.0


@contextmanager
def running_mlx_server(*arguments: str, cache: Path) -> Iterator[str]:
    """The base URL; nothing is ever fetched for it."""
    port = free_port()
    argv = [sys.executable, "-m", "mlx_lm.server", "--host", "127.0.0.1", "--port", str(port), *arguments]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}
    log_path = cache.parent / f"mlx-{port}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait_until_healthy(process, f"http://127.0.0.1:{port}", log_path)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_healthy(process: subprocess.Popen[bytes], base_url: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if fetch(f"{base_url}/health", deadline=time.monotonic() + 1).status == 200:
                return
        except FetchError:
            pass
        time.sleep(0.1)  # another process: there is no event to wait for
    message = f"mlx_lm.server did not become healthy; exit code {process.poll()}: {log.read_text()[-2000:]}"
    raise RuntimeError(message)
