"""What the real server does with seeds, streams and its own list of settings."""

from __future__ import annotations

import asyncio

import pytest
from tests.llm.real.llamacpp import LlamaServer

from hyperfunc.llm.probe import Status, probe

pytestmark = pytest.mark.llamacpp

ASKED = {"prompt": "And it came to pass", "n_predict": 12, "temperature": 1.5}


def test_seeds_repeat_and_differ(llama: LlamaServer) -> None:
    said = [llama.post("/completion", {**ASKED, "seed": seed})["content"] for seed in (1, 1, 2, 3)]
    assert said[0] == said[1]
    assert len(set(said)) == 3


@pytest.mark.parametrize("path", ["/completion", "/v1/completions"])
def test_a_stream_joins_to_the_answer(llama: LlamaServer, path: str) -> None:
    asked = {**ASKED, "seed": 5, "max_tokens": 12}
    whole = llama.post(path, asked)
    parts = llama.events(path, asked)
    if path == "/completion":
        assert "".join(part["content"] for part in parts) == whole["content"]
    else:
        texts = [choice["text"] for part in parts for choice in part["choices"]]
        assert "".join(texts) == whole["choices"][0]["text"]


@pytest.mark.parametrize("provider", ["auto", "openai", "openai-chat"])
def test_the_probe_finds_what_is_known_of_this_server(llama: LlamaServer, provider: str) -> None:
    report = asyncio.run(probe(llama.url, provider=provider))
    assert report.provider == ("llamacpp" if provider == "auto" else provider)
    for field in ("temperature", "seed", "top_k", "top_p", "min_p", "typical_p", "top_n_sigma"):
        assert report.status(field) == Status.HONORED, field
    for field in (
        "repeat_penalty",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "xtc_probability",
        "dry_multiplier",
    ):
        assert report.status(field) == Status.HONORED, field
    for field in ("nsigma", "typical", "sampler_seed", "rep_pen", "repetition_penalty"):
        assert report.status(field) == Status.IGNORED, field
    assert (report.temperature, report.unknown_fields, report.model) == ("last", "dropped", "prose")
    assert report.fields(Status.REJECTED) == report.fields(Status.UNKNOWN) == ()


def test_the_probe_reads_the_servers_own_settings(llama: LlamaServer) -> None:
    report = asyncio.run(probe(llama.url))
    assert report.order[0] == "penalties"
    assert report.order[-1] == "temperature"
    assert report.server.startswith("llama.cpp")
    echoed = {found.field: found.echoed for found in report.findings}
    assert echoed["top_n_sigma"] is True
    assert echoed["nsigma"] is False
