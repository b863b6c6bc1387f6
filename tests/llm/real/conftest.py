from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.llm.real.gguf import write_local_model
from tests.llm.real.llamacpp import LlamaServer, llama_server


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    """The real llama.cpp server with the embedded prose model; one slot, so that answers are exact."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("llama.cpp is not here: pip install 'hyperfunc[llamacpp]'")
    file: Path = write_local_model("local/prose", tmp_path_factory.mktemp("gguf") / "prose.gguf")
    with llama_server(file) as server:
        yield server
