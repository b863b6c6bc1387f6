"""Streams are read the same however the network cuts them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.llm.http import Fault
from hyperfunc.llm.http.sse import events, lines, parsed
from hyperfunc.llm.secrets import Secret

STREAM = (
    ': a comment\r\nevent: message\r\ndata: {"t": "Grüße"}\r\n\r\n\n'
    'data: {"a":\ndata: 1}\n\ndata:{"b": 2}\r\rid: 7\n\ndata: [DONE]\n\ndata: {"never": 1}\n\n'
).encode()
READ = [{"t": "Grüße"}, {"a": 1}, {"b": 2}]


async def cut(data: bytes, places: list[int]) -> AsyncIterator[bytes]:
    for start, end in itertools.pairwise([0, *sorted(places), len(data)]):
        yield data[start:end]


def read(data: bytes, places: list[int]) -> list[dict[str, Any]]:
    async def main() -> list[dict[str, Any]]:
        return [event async for event in events(cut(data, places), "here")]

    return asyncio.run(main())


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_events_do_not_depend_on_where_the_network_cuts(places: list[int]) -> None:
    assert read(STREAM, places) == READ


def test_a_last_event_without_an_empty_line_counts() -> None:
    assert read(b'data: {"a": 1}', []) == [{"a": 1}]
    assert read(b"data: [DONE]", []) == []


@pytest.mark.parametrize("data", [b"data: {oops\n\n", b"data: [1]\n\n", b"data: " + b"[" * 100_000 + b"\n\n"])
def test_an_event_that_is_no_json_object_is_a_fault(data: bytes) -> None:
    with pytest.raises(Fault, match="no JSON"):
        read(data, [])


def test_a_line_without_an_end_is_a_fault_and_not_a_full_memory() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * (1 << 20)

    async def main() -> None:
        async for _ in lines(endless(), "here"):
            raise AssertionError("there is no line")

    with pytest.raises(Fault, match="without an end"):
        asyncio.run(main())


@pytest.mark.parametrize("text", ["refused {}", '"{}"', "x" * 70 + "{}"])
def test_a_stream_that_echoes_a_key_does_not_show_it(text: str) -> None:
    key = Secret("sk-planted-in-a-stream-0123456789", "PLANTED")
    with pytest.raises(Fault) as caught:
        parsed(text.format(key.reveal()), "the server")
    assert "sk-planted" not in str(caught.value)
