"""Connections that everyone in the process shares: one aiohttp session per running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import aiohttp

__all__ = ["Pool", "shared_pool"]

_CONNECT_S = 15.0
_KEEP_ALIVE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Open:
    loop: asyncio.AbstractEventLoop
    session: aiohttp.ClientSession
    keeper: AsyncGenerator[None, None]


class Pool:
    """Sessions by event loop; each is closed when its loop shuts down its asynchronous generators.

    ``asyncio.run`` and ``asyncio.Runner`` do that before they close a loop. The number of connections is
    bounded by the limits of the endpoints, not here, and a connection that is given back serves the next
    request.

    Args:
        connect_s: seconds that a connection may take to open.
        keep_alive_s: seconds that an idle connection is kept.
    """

    def __init__(self, *, connect_s: float = _CONNECT_S, keep_alive_s: float = _KEEP_ALIVE_S) -> None:
        self._connect_s = connect_s
        self._keep_alive_s = keep_alive_s
        self._open: dict[int, _Open] = {}
        self._lock = threading.Lock()

    def session(self) -> aiohttp.ClientSession:
        """The session of the running event loop."""
        loop = asyncio.get_running_loop()
        found = self._open.get(id(loop))
        if found is not None and found.loop is loop and not found.session.closed:
            return found.session
        return self._make(loop)

    def _make(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        self._drop_dead()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=self._keep_alive_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            skip_auto_headers=("User-Agent",),
        )
        keeper = self._kept(loop, session)
        # A generator that has begun belongs to its loop, which closes it before it closes itself. This one
        # stops at its first yield without waiting for anything, so no await is needed.
        with contextlib.suppress(StopIteration):
            keeper.asend(None).send(None)
        with self._lock:
            self._open[id(loop)] = _Open(loop, session, keeper)
        return session

    async def _kept(
        self, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession
    ) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            with self._lock:
                self._open.pop(id(loop), None)
            await session.close()
            # Transports close in the loop's next pass.
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Close the session of the running loop; a later request opens a new one."""
        found = self._open.get(id(asyncio.get_running_loop()))
        if found is not None:
            await found.keeper.aclose()

    def _drop_dead(self) -> None:
        """Let go of sessions whose loop was closed without a word."""
        with self._lock:
            dead = [key for key, found in self._open.items() if found.loop.is_closed()]
            gone = [self._open.pop(key) for key in dead]
        for found in gone:
            closing: Any = found.session.connector.close() if found.session.connector else None
            found.session.detach()
            # Nothing can be awaited in a loop that is gone; what is left of its connections goes with it.
            with contextlib.suppress(StopIteration, RuntimeError):
                closing.send(None)


_shared = Pool()


def shared_pool() -> Pool:
    """The pool of this process: hundreds of workflows share its connections."""
    return _shared
