"""Each client of a model server gets from a served model what the embedded client gives, to the last bit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.llm.local.tiny import tiny_model
from tests.llm.serving.asking import NAME, Site

from hyperfunc.llm.client import Message, Request, Response, Sampling
from hyperfunc.llm.local.client import LocalClient
from hyperfunc.llm.registry import route_for

PROVIDERS = (
    "openai/{url}/v1#local/tiny",
    "vllm/{url}#local/tiny",
    "llamacpp/{url}",
    "koboldcpp/{url}?template=none",
)
SETTINGS: dict[str, dict[str, Any]] = {
    "openai": dict(temperature=0.7, top_p=0.9, frequency_penalty=0.5, presence_penalty=-0.5),
    "vllm": dict(temperature=1.0, top_k=20, top_p=0.9, min_p=0.02, repetition_penalty=1.1),
    "llamacpp": dict(temperature=1.3, top_k=20, min_p=0.02, typical_p=0.9, top_n_sigma=2.0),
    "koboldcpp": dict(temperature=1.3, top_k=20, typical_p=0.9, top_n_sigma=2.0, repetition_penalty=1.1),
}


def request(**sampling: Any) -> Request:
    messages = (Message("system", "a law"), Message("user", "a question"))
    return Request(model=NAME, messages=messages, sampling=Sampling(max_tokens=12, **sampling), seed=3)


def embedded(asked: Request) -> Response:
    return asyncio.run(LocalClient({NAME: tiny_model()}).complete(asked))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.filterwarnings("ignore:.*the temperature comes before truncation")
def test_answers_and_usage_are_the_embedded_ones(strict_site: Site, provider: str) -> None:
    client = route_for(provider.format(url=strict_site.url)).client
    for settings in ({}, SETTINGS[provider.partition("/")[0]], {"temperature": 0.0}):
        asked = request(**settings)
        wanted = embedded(asked)
        found = asyncio.run(client.complete(asked))
        assert (found.text, found.finish_reason, found.usage) == (wanted.text, "length", wanted.usage)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_stop_texts(strict_site: Site, provider: str) -> None:
    whole = embedded(request()).text
    asked = replace(request(), stop=(whole[5:7],))
    found = asyncio.run(route_for(provider.format(url=strict_site.url)).client.complete(asked))
    assert (found.text, found.finish_reason) == (whole[: whole.index(whole[5:7])], "stop")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_streams_join_to_the_answer(strict_site: Site, provider: str) -> None:
    client: Any = route_for(provider.format(url=strict_site.url)).client

    async def scenario() -> tuple[str, Response]:
        pieces = [piece async for piece in client.stream(request())]
        return "".join(piece.text for piece in pieces), pieces[-1].response

    text, response = asyncio.run(scenario())
    assert text == response.text == embedded(request()).text


def test_log_probabilities(strict_site: Site) -> None:
    asked = replace(request(), logprobs=3)
    found = asyncio.run(route_for(PROVIDERS[0].format(url=strict_site.url)).client.complete(asked))
    wanted = embedded(asked).logprobs
    assert found.logprobs is not None
    assert wanted is not None
    assert [(t.token, t.logprob) for t in found.logprobs] == [(t.token, t.logprob) for t in wanted]
