"""A client that lets no key through, in either direction."""

from __future__ import annotations

from typing import final

from hyperfunc.llm.client import Client, Request, Response
from hyperfunc.llm.redaction import scrub_error, scrub_request, scrub_response

__all__ = ["Redacting"]


@final
class Redacting:
    """Replaces every key that this process has read by ``[key]``: in what is sent, answered and raised.

    A key is known once :func:`hyperfunc.llm.secrets.find_key` has read it, or a
    :class:`~hyperfunc.llm.secrets.Secret` was made of it; other secrets are not found.

    Args:
        client: answers; its own credentials are no part of a request, and stay as they are.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    async def complete(self, request: Request) -> Response:
        """Answer with keys replaced."""
        try:
            response = await self.client.complete(scrub_request(request))
        except Exception as error:
            scrub_error(error)
            raise
        return scrub_response(response)
