"""The clients of llama.cpp's server, on the real one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.llm.real.llamacpp import LlamaServer

from hyperfunc.errors import RequestRefused
from hyperfunc.llm.client import Message, Request, Response, Sampling
from hyperfunc.llm.local.client import shared_local_client
from hyperfunc.llm.registry import route_for

pytestmark = [pytest.mark.llamacpp, pytest.mark.parametrize("api", ["chat", "completion"])]

HOT: dict[str, Any] = {"temperature": 3.0}


def request(seed: int | None = None, **sampling: Any) -> Request:
    messages = (Message("user", "And it came to pass"),)
    return Request(
        model="local/prose", messages=messages, sampling=Sampling(max_tokens=12, **sampling), seed=seed
    )


def ask(llama: LlamaServer, api: str, *requests: Request) -> list[Response]:
    client = route_for(f"llamacpp/{llama.url}?api={api}").client

    async def scenario() -> list[Response]:
        return [await client.complete(asked) for asked in requests]

    return asyncio.run(scenario())


def test_greedy_answers_are_the_embedded_ones(llama: LlamaServer, api: str) -> None:
    asked = replace(request(temperature=0.0), logprobs=3)
    theirs = ask(llama, api, asked)[0]
    ours = asyncio.run(shared_local_client().complete(asked))
    assert (theirs.text, theirs.usage, theirs.finish_reason) == (ours.text, ours.usage, "length")
    assert theirs.logprobs is not None
    assert ours.logprobs is not None
    for mine, their in zip(ours.logprobs, theirs.logprobs, strict=True):
        assert their.logprob == pytest.approx(mine.logprob, abs=0.01)
        assert [token for token, _ in their.top] == [token for token, _ in mine.top]


@pytest.mark.parametrize(
    "truncation",
    [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 0.9999}, {"typical_p": 1e-6}, {"top_n_sigma": 1e-3}],
    ids=lambda t: next(iter(t)),
)
def test_every_truncation_takes_part_and_nothing_hidden_does(
    llama: LlamaServer, api: str, truncation: dict[str, Any]
) -> None:
    hot = {answer.text for answer in ask(llama, api, *(request(seed, **HOT) for seed in range(3)))}
    cut = {a.text for a in ask(llama, api, *(request(seed, **HOT, **truncation) for seed in range(3)))}
    assert (len(hot), len(cut)) == (3, 1)


@pytest.mark.parametrize("penalty", ["repetition_penalty", "frequency_penalty", "presence_penalty"])
def test_every_penalty_takes_part(llama: LlamaServer, api: str, penalty: str) -> None:
    strong: dict[str, Any] = {penalty: 1.9}
    plain, penalized = ask(llama, api, request(temperature=0.0), request(temperature=0.0, **strong))
    assert plain.text != penalized.text


def test_seeds_repeat(llama: LlamaServer, api: str) -> None:
    first, again, other = ask(llama, api, request(7, **HOT), request(7, **HOT), request(8, **HOT))
    assert first.text == again.text != other.text
    long, again = ask(llama, api, request(2**62 + 7, **HOT), request(2**62 + 7, **HOT))
    assert long.text == again.text


def test_stop_texts_and_streams(llama: LlamaServer, api: str) -> None:
    whole = ask(llama, api, request(7))[0].text
    stop = whole[len(whole) // 2 :][:4]
    assert ask(llama, api, replace(request(7), stop=(stop,)))[0].text == whole[: whole.index(stop)]
    client: Any = route_for(f"llamacpp/{llama.url}?api={api}").client

    async def scenario() -> tuple[str, Response]:
        pieces = [piece async for piece in client.stream(request(7))]
        return "".join(piece.text for piece in pieces), pieces[-1].response

    text, response = asyncio.run(scenario())
    assert text == response.text == whole


def test_a_stream_has_the_log_probabilities_of_the_whole_answer(llama: LlamaServer, api: str) -> None:
    asked = replace(request(7), logprobs=2)
    whole = ask(llama, api, asked)[0]
    client: Any = route_for(f"llamacpp/{llama.url}?api={api}").client

    async def scenario() -> Response:
        return [piece async for piece in client.stream(asked)][-1].response

    streamed = asyncio.run(scenario())
    assert streamed.logprobs is not None
    assert whole.logprobs is not None
    assert [entry.token for entry in streamed.logprobs] == [entry.token for entry in whole.logprobs]


def test_a_prompt_that_does_not_fit_is_refused_in_the_servers_words(llama: LlamaServer, api: str) -> None:
    long = replace(request(), messages=(Message("user", "And it came to pass. " * 200),))
    with pytest.raises(RequestRefused, match="context"):
        ask(llama, api, long)
