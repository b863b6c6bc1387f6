"""A client that asks the ledger first."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from hyperfunc.llm.client import Client, Request, Response
from hyperfunc.llm.paid import find_response, is_repeatable, keep_response, request_key
from hyperfunc.llm.redaction import scrub_response

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = ["Cached"]


@final
class Cached:
    """Answers that were paid for once come from the ledger, whoever paid: this client or an evaluation.

    A kept answer comes back as it was, with the cost it had then. What fails is never kept.

    Args:
        client: answers what the ledger does not have.
        ledger: any :class:`~hyperfunc.Ledger`.
        identity: names what answers; ``route_for(model).identity`` shares answers with evaluations.
        unseeded: whether requests that draw anew each time (no seed, temperature not 0) are answered from
            the ledger too, so that each has one answer for ever. By default they pass.

    Attributes:
        hits: answers that came from the ledger.
    """

    def __init__(self, client: Client, ledger: Ledger, identity: str, *, unseeded: bool = False) -> None:
        self.client = client
        self.hits = 0
        self._ledger = ledger
        self._identity = identity
        self._unseeded = unseeded

    async def complete(self, request: Request) -> Response:
        """Answer from the ledger, or ask and keep."""
        if not self._unseeded and not is_repeatable(request):
            return await self.client.complete(request)
        key = request_key(self._identity, request)
        found = find_response(self._ledger, key)
        if found is not None:
            self.hits += 1
            return found
        # Scrubbed here and not when it is kept, so that the ledger gives back what the program saw.
        response = scrub_response(await self.client.complete(request))
        keep_response(self._ledger, key, request, response)
        self._ledger.flush()
        return response
