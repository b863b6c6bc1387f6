"""A client that asks once for equal requests that are under way at the same time."""

from __future__ import annotations

import asyncio
import weakref
from typing import final

from hyperfunc.llm.client import Client, Request, Response
from hyperfunc.llm.paid import is_repeatable, request_key

__all__ = ["SingleFlight"]

_Flights = dict[str, "asyncio.Future[Response]"]


@final
class SingleFlight:
    """Equal requests in flight are one request; who comes later gets the answer, or the error, of the first.

    When the first one is cancelled, one of those who wait asks in its place. Requests of different event
    loops are not shared: one loop may be waiting for the other.

    Args:
        client: answers.
        identity: part of the key; matters only where one wrapper serves several clients.
        unseeded: whether requests that draw anew each time (no seed, temperature not 0) are shared too.

    Attributes:
        shared: requests that got the answer of another.
    """

    def __init__(self, client: Client, identity: str = "", *, unseeded: bool = False) -> None:
        self.client = client
        self.shared = 0
        self._identity = identity
        self._unseeded = unseeded
        self._flights: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Flights] = (
            weakref.WeakKeyDictionary()
        )

    async def complete(self, request: Request) -> Response:
        """Answer, or wait for the answer to an equal request."""
        if not self._unseeded and not is_repeatable(request):
            return await self.client.complete(request)
        key = request_key(self._identity, request)
        loop = asyncio.get_running_loop()
        flights = self._flights.setdefault(loop, {})
        while (leader := flights.get(key)) is not None:
            # Waiting must not cancel the future that others wait for.
            await asyncio.wait((leader,))
            if not leader.cancelled():
                self.shared += 1
                return leader.result()
        future = flights[key] = loop.create_future()
        try:
            response = await self.client.complete(request)
        except Exception as error:
            future.set_exception(error)
            future.exception()  # nobody may be waiting, and that is fine
            raise
        except BaseException:
            future.cancel()
            raise
        else:
            future.set_result(response)
            return response
        finally:
            del flights[key]
