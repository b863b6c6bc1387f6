"""A chat server that only waits, in a process of its own: raw asyncio, so that it costs as little as it can.

``python -m benchmarks.models.stub 0.05`` answers each request after 50 ms and prints its port. ``GET /stats``
tells the most requests it held at once and how many it answered; asking clears both.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

__all__ = ["Stub", "stub_server"]

_ANSWER = json.dumps(
    {
        "id": "stub",
        "object": "chat.completion",
        "model": "stub",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13},
    }
).encode()


def _reply(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Counts:
    def __init__(self) -> None:
        self.held = self.peak = self.answered = 0


class _Connection(asyncio.Protocol):
    """One request after the other, as clients with keep-alive send them."""

    def __init__(self, delay: float, counts: _Counts, answer: bytes) -> None:
        self._delay, self._counts, self._answer = delay, counts, answer
        self._data = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._data) < end + 4 + length:
            return
        self._data = self._data[end + 4 + length :]
        counts = self._counts
        if head.startswith(b"get /stats"):
            told = {"peak": counts.peak, "answered": counts.answered}
            counts.peak = counts.answered = 0
            self._transport.write(_reply(json.dumps(told).encode()))
            return
        counts.held += 1
        counts.peak = max(counts.peak, counts.held)
        asyncio.get_running_loop().call_later(self._delay, self._write)

    def _write(self) -> None:
        self._counts.held -= 1
        self._counts.answered += 1
        self._transport.write(self._answer)


async def _serve(delay: float) -> None:
    counts, answer = _Counts(), _reply(_ANSWER)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(delay, counts, answer), "127.0.0.1", 0, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Stub:
    """The stub as its clients see it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def stats(self) -> dict[str, int]:
        """``peak`` and ``answered`` since it was last asked."""
        with urllib.request.urlopen(f"{self.url}/stats", timeout=30) as reply:  # noqa: S310 - loopback
            told: dict[str, int] = json.load(reply)
        return told


@contextlib.contextmanager
def stub_server(delay: float) -> Iterator[Stub]:
    """A stub while it lasts."""
    command = [sys.executable, "-m", "benchmarks.models.stub", str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Stub(int(process.stdout.readline()))
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(float(sys.argv[1])))
