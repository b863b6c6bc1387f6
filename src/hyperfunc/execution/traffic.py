"""Model requests of all evaluations that run at once: answered from the ledger, shared, paid for, kept."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from hyperfunc.errors import BadReply, BudgetError, BudgetExhausted, RequestTimeout
from hyperfunc.llm.paid import find_responses, keep_response, most_tokens, request_key, used
from hyperfunc.llm.redaction import scrub_response
from hyperfunc.program.binding import FRAME

from .account import Account, Charge
from .gate import Gate

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger, Reservation
    from hyperfunc.llm.client import Request, Response, Route

    from .frames import LaneFrame

__all__ = ["Traffic"]

_MAY_BE_BILLED = (asyncio.CancelledError, BadReply, RequestTimeout)


class Traffic:
    """What evaluations on one event loop share: their limit, their budget, and requests in flight.

    Args:
        concurrency: calls in flight at once.
        ledger: where paid requests are looked up and kept; none are kept without one.
        account: what calls are charged to.
    """

    def __init__(self, concurrency: int, ledger: Ledger | None, account: Account) -> None:
        self.ledger = ledger
        self.account = account
        self.loop = asyncio.get_running_loop()
        self.gate = Gate(concurrency)
        self._replies: dict[str, asyncio.Future[Response]] = {}
        self._sending = 0
        self._short: deque[asyncio.Future[None]] = deque()
        self._looking: dict[str, asyncio.Future[Response | None]] = {}
        self._uncommitted: list[asyncio.Future[None]] = []

    async def request(self, frame: LaneFrame, route: Route, request: Request, origin: str) -> Response:
        """Answer a request from the ledger, from an equal one in flight, or by paying for it.

        Args:
            frame: of the call that asks.
            route: who answers.
            request: what is asked.
            origin: names the evaluation inside its run.
        """
        key = request_key(route.identity, request)
        record = frame.record
        while record is not None:
            record.requests += 1
            record = record.parent
        while (waiting := self._replies.get(key)) is not None:
            if frame.record is not None:
                # Whoever waits holds no permit: the other request may need it.
                frame.record.give_back()
            await asyncio.wait((waiting,))
            if waiting.cancelled() or isinstance(waiting.exception(), BudgetExhausted):
                continue
            response = waiting.result()
            frame.charge(key, _charge(route, request, response))
            return response
        future: asyncio.Future[Response] = self.loop.create_future()
        self._replies[key] = future
        try:
            response, charge = await self._answer(frame, key, route, request, origin)
        except BaseException as error:
            del self._replies[key]
            if isinstance(error, BudgetError):
                frame.refused(error)
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()
            else:
                future.cancel()
            raise
        future.set_result(response)
        if self.ledger is not None:
            # The ledger answers from now on; a run is too long to keep all answers here.
            del self._replies[key]
        frame.charge(key, charge)
        return response

    async def _answer(
        self, frame: LaneFrame, key: str, route: Route, request: Request, origin: str
    ) -> tuple[Response, Charge]:
        response = await self._kept(key)
        if response is not None:
            charge = _charge(route, request, response)
            self.account.hit(key, charge)
            return response, charge
        permit = await self._permit(frame)
        try:
            _return_prepaid(frame)
            answer = await self._send(frame, key, route, request, origin)
        finally:
            permit.release()
        if self.ledger is not None:
            await self._durable()
        return answer

    async def _kept(self, key: str) -> Response | None:
        """The answer that the ledger has; who asks at once is told by one query."""
        if self.ledger is None:
            return None
        turn: asyncio.Future[Response | None] = self.loop.create_future()
        if not self._looking:
            self.loop.call_soon(self._look_up)
        self._looking[key] = turn
        return await turn

    def _look_up(self) -> None:
        waiting, self._looking = self._looking, {}
        assert self.ledger is not None
        found: dict[str, Response] = {}
        trouble: Exception | None = None
        try:
            found = find_responses(self.ledger, waiting)
        except Exception as error:
            trouble = error
        for key, turn in waiting.items():
            if turn.done():
                continue
            if trouble is None:
                turn.set_result(found.get(key))
            else:
                turn.set_exception(trouble)

    async def _durable(self) -> None:
        """What was paid for is durable before anyone builds on it; what comes at once shares a commit."""
        turn: asyncio.Future[None] = self.loop.create_future()
        if not self._uncommitted:
            self.loop.call_soon(self._commit)
        self._uncommitted.append(turn)
        await turn

    def _commit(self) -> None:
        waiting, self._uncommitted = self._uncommitted, []
        assert self.ledger is not None
        trouble: Exception | None = None
        try:
            self.ledger.flush()
        except Exception as error:
            trouble = error
        for turn in waiting:
            if turn.done():
                continue
            if trouble is None:
                turn.set_result(None)
            else:
                turn.set_exception(trouble)

    async def _permit(self, frame: LaneFrame) -> Gate:
        record = frame.record
        if record is not None and record.permit is not None:
            # The call's own permit serves its first request in flight.
            permit, record.permit = record.permit, None
            return permit
        await self.gate.wait()
        return self.gate

    async def _send(
        self, frame: LaneFrame, key: str, route: Route, request: Request, origin: str
    ) -> tuple[Response, Charge]:
        most = Charge(most_tokens(request), route.price(request))
        reservation = await self.reserve(most.tokens, most.dollars)
        self._sending += 1
        # Tasks that the client starts are no part of the program's places.
        token = FRAME.set(None)
        try:
            # Scrubbed here and not when it is kept, so that the ledger gives back what the program saw.
            response = scrub_response(await route.client.complete(request))
            if self.ledger is not None:
                keep_response(self.ledger, key, request, response, origin)
            charge = _charge(route, request, response)
            self.account.pay(key, charge, reservation)
            return response, charge
        except BaseException as error:
            # What was cut off or cannot be read may have been billed; a server's error costs a call alone.
            lost = most if isinstance(error, _MAY_BE_BILLED) else Charge()
            frame.charge(self.account.lose(key, lost, reservation), lost)
            raise
        finally:
            FRAME.reset(token)
            self._sending -= 1
            self._wake()

    async def reserve(self, tokens: int = 0, dollars: float | None = 0.0) -> Reservation:
        """Set one call aside; waits while requests in flight hold more than they need in the end.

        Raises:
            BudgetError: it cannot be afforded, and nothing in flight will give anything back.
        """
        while True:
            try:
                reservation = self.account.reserve(tokens, dollars)
            except BudgetExhausted:
                if not self._sending:
                    raise
                turn: asyncio.Future[None] = self.loop.create_future()
                self._short.append(turn)
                try:
                    await turn
                except asyncio.CancelledError:
                    if turn.done() and not turn.cancelled():
                        # It was called in the same moment; the turn goes to the next.
                        self._wake()
                    raise
            else:
                if self._short:
                    self._wake()
                return reservation

    async def begin_foreign(self, tokens: int, dollars: float | None) -> Reservation:
        """Set aside a call that another library makes; see :mod:`hyperfunc.execution.foreign`."""
        reservation = await self.reserve(tokens, dollars)
        self._sending += 1
        return reservation

    def begin_foreign_now(self, tokens: int, dollars: float | None) -> Reservation:
        """The same for code that cannot wait."""
        reservation = self.account.reserve(tokens, dollars)
        self._sending += 1
        return reservation

    def end_foreign(self) -> None:
        """Such a call is over."""
        self._sending -= 1
        self._wake()

    def _wake(self) -> None:
        """Let those who wait for budget look again: one at a time, all when nothing is in flight."""
        for _ in range(min(1, len(self._short)) if self._sending else len(self._short)):
            turn = self._short.popleft()
            if not turn.done():
                turn.set_result(None)


def _return_prepaid(frame: LaneFrame) -> None:
    """The request is reserved for itself, with tokens and money, in place of the call around it."""
    record = frame.record
    while record is not None:
        if record.prepaid is not None:
            record.prepaid.release()
            record.prepaid = None
            return
        record = record.parent


def _charge(route: Route, request: Request, response: Response) -> Charge:
    return Charge(*used(request, response, route.price))
