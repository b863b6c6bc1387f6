"""A streamed answer is the answer, in pieces."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from tests.llm.local.tiny import tiny_model

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Message, Request, Response, Sampling
from hyperfunc.llm.completion import llm_completion
from hyperfunc.llm.local.client import LocalClient
from hyperfunc.llm.local.jobs import Piece
from hyperfunc.llm.local.registry import Template
from hyperfunc.llm.streaming import llm_stream


def ask(text: str = "a question", **more: object) -> Request:
    given = {"seed": 1, "sampling": Sampling(max_tokens=40), **more}
    return Request(model="local/tiny", messages=(Message("user", text),), **given)  # type: ignore[arg-type]


async def streamed(client: LocalClient, request: Request) -> tuple[list[Piece], Response]:
    *pieces, last = [piece async for piece in client.stream(request)]
    assert last.response is not None
    return pieces, last.response


def both(request: Request, **model: object) -> tuple[list[Piece], Response, Response]:
    client = LocalClient({"local/tiny": tiny_model(**model)}, threads=1)  # type: ignore[arg-type]

    async def scenario() -> tuple[list[Piece], Response, Response]:
        return *await streamed(client, request), await client.complete(request)

    return asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(8))
def test_pieces_make_up_the_text_of_the_plain_answer(seed: int) -> None:
    pieces, response, plain = both(ask(seed=seed))
    assert "".join(piece.text for piece in pieces) == response.text == plain.text
    assert len(pieces) > 5


def test_no_piece_shows_a_part_of_a_stop_text() -> None:
    whole = both(ask())[2].text
    stop = whole[10:14]
    pieces, response, plain = both(ask(stop=(stop, "never said")))
    assert response.finish_reason == "stop"
    assert "".join(piece.text for piece in pieces) == plain.text == whole[: whole.index(stop)]


def test_every_token_brings_its_log_probability_once() -> None:
    pieces, response, plain = both(ask(logprobs=2))
    assert plain.logprobs is not None
    assert tuple(entry for piece in pieces for entry in piece.logprobs) == response.logprobs == plain.logprobs


def test_the_opening_of_every_answer_stays_hidden() -> None:
    whole = both(ask())[2].text
    pieces, response, _ = both(ask(), template=Template(answer_prefix=whole[:5]))
    assert "".join(piece.text for piece in pieces) == response.text == whole[5:]


def test_pieces_come_while_the_model_is_at_work_and_may_be_left() -> None:
    client = LocalClient({"local/tiny": tiny_model()}, threads=1)

    async def scenario() -> tuple[str, Response]:
        async with aclosing(client.stream(ask(sampling=Sampling(max_tokens=110)))) as pieces:
            first = await anext(pieces)
        return first.text, await client.complete(ask(sampling=Sampling(max_tokens=110)))

    first, whole = asyncio.run(scenario())
    assert whole.text.startswith(first)
    assert len(first) < len(whole.text) / 2


def test_a_request_that_cannot_be_answered_brings_no_piece() -> None:
    client = LocalClient({"local/tiny": tiny_model()}, threads=1)
    with pytest.raises(ModelError, match="max_tokens"):
        asyncio.run(streamed(client, ask(sampling=Sampling(max_tokens=0))))


def test_programs_get_the_stream_of_an_embedded_model() -> None:
    async def scenario() -> list[str]:
        return [text async for text in llm_stream("local/prose", "In the beginning", seed=1, max_tokens=8)]

    pieces = asyncio.run(scenario())
    whole = asyncio.run(llm_completion("local/prose", "In the beginning", seed=1, max_tokens=8)).text
    assert len(pieces) > 4
    assert "".join(pieces) == whole
