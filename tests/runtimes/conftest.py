"""One real llama-server per session."""

from collections.abc import Iterator

import pytest

from tests.runtimes.llama_server import LlamaServer, running_llama_server
from tests.runtimes.tiny_gguf import write_tiny_gguf


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    model = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_tiny_gguf(model)
    with running_llama_server(model) as server:
        yield server
