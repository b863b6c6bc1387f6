"""A client that fails on purpose, the same way each time: for tests of what becomes of failures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import final

from hyperfunc.errors import ModelError, RateLimited, ServerFailed, ServerUnreachable, did_you_mean
from hyperfunc.llm.client import Client, Request, Response
from hyperfunc.llm.paid import request_key
from hyperfunc.rng import seed_of

__all__ = ["FAULTS", "Faulty"]

FAULTS = ("unreachable", "rate_limit", "failed", "lost", "hang", "cut", "uncounted")
"""What can go wrong: see :class:`Faulty`."""

_PARTS = 1 << 32


@final
class Faulty:
    """Fails a share of the calls. Which ones depends on the seed, the request and how often it was asked.

    The order in which requests arrive plays no part, so a failing test fails again.

    Args:
        client: answers the rest.
        share: of calls that fail, in [0, 1].
        kinds: some of ``"unreachable"``, ``"rate_limit"`` and ``"failed"`` (an error, and the client is
            never asked), ``"lost"`` (the client is asked, then the connection breaks: paid for nothing),
            ``"hang"`` (no answer until it is cancelled), ``"cut"`` (half of the text) and ``"uncounted"`` (no
            usage, no cost).
        seed: of the choice.

    Attributes:
        injected: how often each kind happened.
    """

    def __init__(
        self,
        client: Client,
        share: float = 0.5,
        kinds: Sequence[str] = ("unreachable", "rate_limit", "failed", "lost"),
        *,
        seed: int = 0,
    ) -> None:
        if not 0 <= share <= 1:
            raise ModelError(f"share={share!r}: give the share of calls that fail, from 0 to 1")
        for kind in kinds:
            if kind not in FAULTS:
                raise ModelError(
                    f"no fault is called {kind!r}{did_you_mean(kind, FAULTS)}; there are {', '.join(FAULTS)}"
                )
        self.client = client
        self.injected = dict.fromkeys(kinds, 0)
        self._share = share
        self._kinds = tuple(kinds)
        self._seed = seed
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Response:
        """Answer, or fail.

        Raises:
            InfrastructureError: on purpose.
        """
        kind = self._fault(request_key("", request))
        if kind == "unreachable":
            raise ServerUnreachable("no connection (a fault on purpose)")
        if kind == "rate_limit":
            raise RateLimited("the server asks to wait (a fault on purpose)")
        if kind == "failed":
            raise ServerFailed("the server failed (a fault on purpose)")
        if kind == "hang":
            await asyncio.Event().wait()
        response = await self.client.complete(request)
        if kind == "lost":
            raise ServerUnreachable("the connection broke before the answer came (a fault on purpose)")
        if kind == "cut":
            return replace(response, text=response.text[: len(response.text) // 2], finish_reason="length")
        return replace(response, usage=None, cost=None) if kind == "uncounted" else response

    def _fault(self, key: str) -> str | None:
        with self._lock:
            number = self._asked[key] = self._asked.get(key, 0) + 1
            draw = seed_of(self._seed, "faulty", key, number)
            if not self._kinds or (draw % _PARTS) / _PARTS >= self._share:
                return None
            kind = self._kinds[(draw // _PARTS) % len(self._kinds)]
            self.injected[kind] += 1
            return kind
