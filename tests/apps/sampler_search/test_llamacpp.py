"""The same search on the real llama.cpp server: a GGUF file in this process, and an address."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest
from tests.apps.sampler_search.counting import small
from tests.llm.real.gguf import write_local_model
from tests.llm.real.llamacpp import llama_server

from hyperfunc.apps.sampler_search.gguf_server import serving_gguf
from hyperfunc.apps.sampler_search.search import search
from hyperfunc.errors import ModelError

pytestmark = pytest.mark.llamacpp


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("xllamacpp")
    return write_local_model("local/prose", tmp_path_factory.mktemp("gguf") / "prose.gguf")


@pytest.mark.slow
def test_a_gguf_file_is_served_probed_and_searched_with_xtc_and_dry(weights: Path, tmp_path: Path) -> None:
    families = ("min_p", "top_n_sigma", "xtc", "dry", "penalties")
    config = small(
        tmp_path, model=str(weights), sampler_types=families, search_strategy="bayesian", n_iterations=8
    )
    found = search(config, ledger=tmp_path / "ledger")
    server = found.whole["search_metadata"]["server"]
    assert server["known_by"] == "probe"
    assert server["probe"]["server"].startswith("llama.cpp")
    assert server["order_of_samplers"][0] == "penalties"
    assert "prose.gguf" in server["fingerprint"]
    assert len(found.whole["all_results"]) == 8
    assert max(entry["mean_score"] for entry in found.whole["all_results"]) > 3


@pytest.mark.slow
def test_an_address_is_recognized_and_searched(weights: Path, tmp_path: Path) -> None:
    with llama_server(weights) as server:
        model = f"llamacpp/{server.url}?api=completion&template=none"
        found = search(small(tmp_path, model=model, n_iterations=3), ledger=tmp_path / "ledger")
    assert found.whole["search_metadata"]["server"]["probe"]["provider"] == "llamacpp"
    assert len(found.whole["all_results"]) == 3


def test_a_server_is_ready_when_its_address_is_told(weights: Path) -> None:
    with (
        serving_gguf(weights) as url,
        urllib.request.urlopen(f"{url}/health", timeout=10) as answer,
    ):
        assert answer.status == 200


def test_a_taken_port_is_told(weights: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ModelError, match=f"port {port} is taken"), serving_gguf(weights, port=port):
            pass


def test_what_is_no_gguf_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ModelError, match=r"there is no file .*gone.gguf"),
        serving_gguf(tmp_path / "gone.gguf"),
    ):
        pass
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(ModelError, match="is no GGUF file"), serving_gguf(tmp_path / "text.gguf"):
        pass
