"""Whatever bytes a server sends: no part of the key in an error, in those behind it, or in a traceback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Iterator, Sequence

import pytest

from hyperfunc.errors import InfrastructureError, ModelError
from hyperfunc.llm.client import Message, Request
from hyperfunc.llm.http import Attempts, Endpoint, Pool
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.providers.openai_style import OpenAIStyle
from hyperfunc.llm.providers.parameters import COMPATIBLE
from hyperfunc.llm.providers.server import ServerClient
from hyperfunc.llm.secrets import Secret

KEY = "sk-planted-0f3c9a77b1e24d58c60be3a9"
SENT = KEY.encode()
PARTS = [KEY[i : i + 12] for i in range(len(KEY) - 11)]

REPLIES = {
    "header": [b"HTTP/1.1 200 OK\r\nX-Key \x01: " + SENT + b"\r\n\r\n{}"],
    "status line": [b"HTTP/9x " + SENT + b" 200\r\n\r\n"],
    "chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + SENT + b"\r\nxx"],
    "refusal in two parts": [b"HTTP/1.1 400 No\r\nContent-Length: 35\r\n\r\n" + SENT[:20], SENT[20:]],
}


@contextlib.contextmanager
def says(pieces: Sequence[bytes]) -> Iterator[str]:
    """A server that sends these bytes to everyone, with a pause in between."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(1 << 16)
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def shown(error: BaseException | None) -> str:
    """All that an error and those behind it show."""
    if error is None:
        return ""
    own = f"{error} {error!r} {error.args!r} {vars(error)!r}"
    return own + shown(error.__cause__) + shown(error.__context__)


@pytest.mark.parametrize("kind", REPLIES)
def test_a_key_in_broken_replies_is_shown_nowhere(kind: str) -> None:
    with says(REPLIES[kind]) as url:
        exchange = Exchange(base=url, key=Secret(KEY, "PLANTED_KEY"), pool=Pool())
        attempts = Attempts(timeout_s=2, deadline_s=4, tries=1)
        client = ServerClient(
            OpenAIStyle(model="m", table=COMPATIBLE), exchange, Endpoint(url), attempts=attempts
        )
        with pytest.raises((InfrastructureError, ModelError)) as caught:
            asyncio.run(client.complete(Request(model="m", messages=(Message("user", "x"),))))
    everything = shown(caught.value) + "".join(traceback.format_exception(caught.value))
    assert "[key]" in str(caught.value)
    assert [part for part in PARTS if part in everything] == []
