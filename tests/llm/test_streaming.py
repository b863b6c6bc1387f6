"""Answers piece by piece where somebody watches, and whole where they are counted."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.llm.fault_server import Act, Seen, chat, fault_server

from hyperfunc import Example, HyperSystem, hyperfunction
from hyperfunc.errors import ModelError
from hyperfunc.llm.streaming import llm_stream
from hyperfunc.testing import ScriptedClient


def act(seen: Seen) -> Act:
    if not seen.body.get("stream"):
        return Act(body=chat("Hello"))
    events = [
        {"choices": [{"delta": {"content": text}, "finish_reason": end}]}
        for text, end in (("Hel", None), ("lo", "stop"))
    ]
    return Act(kind="stream", body="".join(f"data: {json.dumps(event)}\n\n" for event in events).encode())


async def collected(model: str) -> list[str]:
    return [text async for text in llm_stream(model, "Hi", max_tokens=4)]


def test_pieces_come_as_they_are_written() -> None:
    with fault_server(act) as server:
        assert asyncio.run(collected(f"vllm/{server.url}#m")) == ["Hel", "lo"]


def test_an_evaluation_asks_for_the_whole_answer() -> None:
    with fault_server(act) as server:
        model = f"vllm/{server.url}#m"

        @hyperfunction(model=model)
        async def watch(x: str) -> list[str]:
            """Watch."""
            return await collected(model)

        class Watching(HyperSystem):
            async def run(self, x: str) -> list[str]:
                return await watch(x)

        value = Watching([watch]).evaluate(
            [Example({"x": "a"}, ["Hello"])], lambda example, pred: float(pred == ["Hello"])
        )
        assert float(value) == 1.0
        assert [bool(seen.body.get("stream")) for seen in server.seen] == [False]


def test_a_client_without_streams_gives_one_piece() -> None:
    with ScriptedClient(["whole"]).answering("mine/echo"):
        assert asyncio.run(collected("mine/echo")) == ["whole"]


def test_an_unknown_parameter_is_refused() -> None:
    async def wrong() -> list[str]:
        return [text async for text in llm_stream("vllm/http://127.0.0.1:9#m", "Hi", temprature=1.0)]

    with pytest.raises(ModelError, match="temprature"):
        asyncio.run(wrong())
