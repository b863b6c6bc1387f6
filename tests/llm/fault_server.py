"""A model server on this machine that does what a script says: answers, fails, hangs, breaks off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Act", "FaultServer", "Seen", "chat", "fault_server"]

Kind = Literal["answer", "hang", "close", "cut", "slow", "stream", "broken stream"]


@dataclass(frozen=True)
class Seen:
    """A request as it arrived: its number from 0, when, how, its JSON body, and the body's bytes."""

    number: int
    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    data: bytes = b""

    @property
    def prompt(self) -> str:
        """The last message's text, or the prompt."""
        messages = self.body.get("messages")
        return messages[-1]["content"] if messages else self.body.get("prompt", "")


@dataclass(frozen=True, kw_only=True)
class Act:
    """What the server does with a request.

    Args:
        kind: ``answer`` sends everything; ``hang`` never does; ``close`` ends the connection without a
            word, ``cut`` in the middle of the body; ``slow`` sends the body byte by byte; ``stream`` sends
            the lines as they are, ``broken stream`` half of them.
        body: JSON, or bytes as they are.
        delay: seconds before anything is sent.
    """

    kind: Kind = "answer"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0.0


def chat(text: str, prompt_tokens: Any = 7, completion_tokens: Any = 3, **more: Any) -> dict[str, Any]:
    """An OpenAI-style answer."""
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    message = {"role": "assistant", "content": text}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage, **more}


class FaultServer:
    """The server; it runs in a thread of its own while :func:`fault_server` lasts.

    Attributes:
        seen: requests in the order they arrived.
        flying: requests that are held now.
        peak: the most that were held at once; may be set back.
        delivered: prompts of the answers with status 200 that were sent to their end.
        connections: how many were opened.
    """

    def __init__(self, script: Callable[[Seen], Act]) -> None:
        self._script = script
        self.seen: list[Seen] = []
        self.delivered: list[str] = []
        self.flying = self.peak = self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Serve until told to stop."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                seen = await self._read(reader)
                if seen is None:
                    return
                self.flying += 1
                self.peak = max(self.peak, self.flying)
                try:
                    if not await self._act(seen, self._script(seen), writer):
                        return
                finally:
                    self.flying -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client went away, or the test is over.
            return
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Seen | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines) if k}
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(data) if data else {}
        seen = Seen(len(self.seen), time.monotonic(), method, path, headers, body, data)
        self.seen.append(seen)
        return seen

    async def _act(self, seen: Seen, act: Act, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        if act.delay:
            await asyncio.sleep(act.delay)
        if act.kind == "hang":
            await asyncio.sleep(3600)
        if act.kind == "close":
            return False
        body = act.body if isinstance(act.body, bytes) else json.dumps(act.body).encode()
        length = "" if act.kind in ("stream", "broken stream") else f"Content-Length: {len(body)}\r\n"
        more = "".join(f"{name}: {value}\r\n" for name, value in act.headers.items())
        head = f"HTTP/1.1 {act.status} Said\r\nContent-Type: application/json\r\n{length}{more}\r\n"
        writer.write(head.encode())
        if act.kind in ("cut", "broken stream"):
            writer.write(body[: len(body) // 2])
            await writer.drain()
            return False
        if act.kind == "slow":
            for byte in body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.01)
        else:
            writer.write(body)
        await writer.drain()
        if act.status == 200:
            self.delivered.append(seen.prompt)
        return act.kind != "stream"


@contextlib.contextmanager
def fault_server(script: Callable[[Seen], Act]) -> Iterator[FaultServer]:
    """A server that acts as the script says, while it lasts."""
    server = FaultServer(script)
    ready, loops = threading.Event(), []

    async def main() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await server.serve(ready, stop)

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="fault-server", daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
