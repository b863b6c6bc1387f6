"""A client that never exceeds a budget: reserve before asking, settle after."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, final

from hyperfunc.errors import BudgetExhausted
from hyperfunc.llm.client import Client, Request, Response
from hyperfunc.llm.paid import most_tokens, used

if TYPE_CHECKING:
    from hyperfunc.ledger import Meter, Reservation

__all__ = ["Budgeted"]


class _Line:
    """Those of one event loop who ask, and those who wait for them to give back what they do not need."""

    def __init__(self) -> None:
        self.asking = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait for a turn to look again."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # It was called in the same moment; the turn goes to the next.
                self.wake()
            raise

    def wake(self) -> None:
        """One may look again, and all when nobody asks any more: then nothing comes back."""
        for _ in range(min(1, len(self.waiting)) if self.asking else len(self.waiting)):
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)


@final
class Budgeted:
    """Each request reserves the most it can cost and settles what it did cost.

    A request that does not fit beside those in flight waits until one of them has settled; when none is in
    flight it is refused. A request that failed costs a call; one that was cut off costs what it reserved,
    because it may have been paid for.

    Args:
        client: answers.
        meter: a :class:`~hyperfunc.ledger.Meter`; several wrappers may share one.
        price: the most a request may cost in US dollars, ``None`` when unknown; see
            :func:`hyperfunc.llm.pricing.most_cost`. Unknown when left out, so a budget in money is refused.

    Example::

        meter = Meter(Budget.parse("100 calls, $1"))
        route = route_for("openai/gpt-4.1-mini")
        client = Budgeted(route.client, meter, route.price)
    """

    def __init__(
        self, client: Client, meter: Meter, price: Callable[[Request], float | None] | None = None
    ) -> None:
        self.client = client
        self.meter = meter
        self._price = price or (lambda request: None)
        self._lines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = weakref.WeakKeyDictionary()

    async def complete(self, request: Request) -> Response:
        """Answer one request within the budget.

        Raises:
            BudgetExhausted: it does not fit, and nothing is asked.
            UnknownPrice: the budget limits money and the price is unknown.
        """
        line = self._lines.setdefault(asyncio.get_running_loop(), _Line())
        reservation = await self._reserve(line, request)
        try:
            response = await self.client.complete(request)
        except Exception:
            reservation.settle(calls=1, tokens=0, dollars=0.0)
            raise
        except BaseException:
            reservation.settle()
            raise
        else:
            tokens, dollars = used(request, response, self._price)
            reservation.settle(calls=1, tokens=tokens, dollars=dollars or 0.0)
            return response
        finally:
            line.asking -= 1
            line.wake()

    async def _reserve(self, line: _Line, request: Request) -> Reservation:
        tokens, dollars = most_tokens(request), self._price(request)
        while True:
            try:
                reservation = self.meter.reserve(calls=1, tokens=tokens, dollars=dollars)
            except BudgetExhausted:
                if not line.asking:
                    raise
                await line.wait()
            else:
                # What was given back may be enough for several.
                line.asking += 1
                line.wake()
                return reservation
