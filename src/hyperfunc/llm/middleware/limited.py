"""A client that keeps to requests and tokens per minute."""

from __future__ import annotations

from typing import final

from hyperfunc.errors import RateLimited
from hyperfunc.llm.client import Client, Request, Response
from hyperfunc.llm.limiter import AdaptiveRateLimiter
from hyperfunc.llm.paid import ASSUMED_COMPLETION

__all__ = ["Limited"]

_BYTES_PER_TOKEN = 4


@final
class Limited:
    """Asks when an :class:`~hyperfunc.AdaptiveRateLimiter` allows it, and tells it how the server took it.

    The clients of this package adapt by themselves; this is for clients of your own.

    Args:
        client: answers.
        limiter: may be shared by many clients, event loops and threads.
        endpoint: whose limits hold; the model's name when left out.
    """

    def __init__(self, client: Client, limiter: AdaptiveRateLimiter, endpoint: str | None = None) -> None:
        self.client = client
        self._limiter = limiter
        self._endpoint = endpoint

    async def complete(self, request: Request) -> Response:
        """Answer when it is time."""
        endpoint = self._endpoint or request.model
        await self._limiter.acquire(endpoint, _probable_tokens(request))
        try:
            response = await self.client.complete(request)
        except RateLimited:
            self._limiter.record_429(endpoint)
            raise
        self._limiter.record_success(endpoint)
        return response


def _probable_tokens(request: Request) -> int:
    prompt = sum(len(m.content.encode()) for m in request.messages) // _BYTES_PER_TOKEN
    return prompt + (request.sampling.max_tokens or ASSUMED_COMPLETION // 8)
