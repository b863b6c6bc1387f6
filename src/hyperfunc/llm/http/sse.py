"""Streams of servers: server-sent events, and one JSON object a line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from hyperfunc.llm.secrets import redact

from .attempts import unreadable
from .reported import reported

__all__ = ["events", "lines"]

_LONGEST = 1 << 22
_DONE = "[DONE]"


async def lines(pieces: AsyncIterator[bytes], where: str) -> AsyncIterator[str]:
    """Lines of a byte stream, without their ends; ``\\n``, ``\\r\\n`` and ``\\r`` end one.

    Raises:
        Fault: a line is longer than 4 MiB.
    """
    rest = b""
    async for piece in pieces:
        # A lone "\r" at the end may be half of "\r\n": it waits for the next piece.
        data = rest + piece
        held = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, rest = data.split(b"\n")
        rest += held
        if len(rest) > _LONGEST:
            raise unreadable(f"{where} streams a line without an end")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.rstrip(b"\r").decode("utf-8", "replace")


async def events(pieces: AsyncIterator[bytes], where: str) -> AsyncIterator[dict[str, Any]]:
    """JSON objects of the ``data`` fields of server-sent events, up to ``[DONE]``.

    Raises:
        Fault: an event is no JSON object, or an error; some servers name its field ``error``.

    Source: WHATWG HTML Living Standard, 9.2.6, Interpreting an event stream.
    """
    data: list[str] = []
    async for line in lines(pieces, where):
        if line:
            name, _, value = line.partition(":")
            if name == "error":
                said = value if value.lstrip().startswith("{") else json.dumps(value)
                parsed(f'{{"error": {said}}}', where)
            elif name == "data":
                data.append(value.removeprefix(" "))
            continue
        if not data:
            continue
        text, data = "\n".join(data), []
        if text == _DONE:
            return
        yield parsed(text, where)
    if data and data != [_DONE]:
        yield parsed("\n".join(data), where)


def parsed(text: str, where: str) -> dict[str, Any]:
    """The JSON object of one event.

    Raises:
        Fault: it is none, or it reports an error.
    """
    # Cut after keys are replaced: half a key would not be known as one.
    shown = redact(text)[:80]
    found = readable = None
    # Raised outside, because the error of the parser would carry the whole text along, with any key in it.
    with contextlib.suppress(ValueError, RecursionError):
        found, readable = json.loads(text), True
    if not readable:
        raise unreadable(f"{where} streams {shown!r}, which is no JSON")
    if not isinstance(found, dict):
        raise unreadable(f"{where} streams {shown!r}, which is no JSON object")
    fault = reported(where, found)
    if fault is not None:
        raise fault
    return found
