"""One evaluation under way: its loop, limits, shared calls, and what it asks the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import BudgetError, InfrastructureError, UnknownPrice
from hyperfunc.ledger.keys import content_key
from hyperfunc.llm.codec import decode_response, encode_response, request_json
from hyperfunc.program.binding import FRAME
from hyperfunc.program.discovery import reach

from .account import Account, Charge
from .encoding import decode, encode
from .frames import LaneFrame, Record
from .gate import Gate
from .hosting import Hosted
from .sharing import Flights

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger
    from hyperfunc.ledger import Reservation
    from hyperfunc.llm.client import Request, Response, Route
    from hyperfunc.program.hyperfunction import HyperFunction

__all__ = ["Session"]

_ASSUMED_COMPLETION = 4096


class Session:
    """Shared state of the lanes of one evaluation.

    Args:
        seed: the user's.
        concurrency: calls in flight at once.
        ledger: where paid requests are looked up and kept; none are kept without one.
        account: what calls are charged to.
        origin: names this evaluation inside its run, so that a repeated run charges the same.
    """

    def __init__(
        self, *, seed: int, concurrency: int, ledger: Ledger | None, account: Account, origin: str
    ) -> None:
        self.seed = seed
        self.ledger = ledger
        self.account = account
        self.origin = origin
        self.flights = Flights()
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.gate = Gate(concurrency)
        self.hosts = False
        self._replies: dict[str, asyncio.Future[Response]] = {}
        self._codes: dict[HyperFunction, str] = {}

    async def request(self, frame: LaneFrame, route: Route, request: Request) -> Response:
        """Answer a request from the ledger, from an equal one in flight, or by paying for it."""
        key = content_key("request", route.identity, request)
        record = frame.record
        while record is not None:
            record.requests += 1
            record = record.parent
        while (waiting := self._replies.get(key)) is not None:
            try:
                response = await asyncio.shield(waiting)
            except (InfrastructureError, BudgetError, asyncio.CancelledError):
                task = asyncio.current_task()
                if not waiting.done() or (task is not None and task.cancelling()):
                    raise
                continue
            frame.charge(key, _charge(response))
            return response
        future: asyncio.Future[Response] = self.loop.create_future()
        self._replies[key] = future
        try:
            response = await self._answer(frame, key, route, request)
        except BaseException as error:
            del self._replies[key]
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()
            else:
                future.cancel()
            raise
        future.set_result(response)
        frame.charge(key, _charge(response))
        return response

    async def _answer(self, frame: LaneFrame, key: str, route: Route, request: Request) -> Response:
        stored = self.ledger.get_request(key) if self.ledger is not None else None
        if stored is not None:
            response = decode_response(stored.response_json)
            self.account.hit(key, _charge(response))
            return response
        reservation = _take_prepaid(frame) or self._reserve(route, request)
        try:
            response = await self._send(frame, route, request)
        except BaseException:
            reservation.release()
            raise
        charge = _charge(response)
        if self.ledger is not None:
            usage = response.usage
            self.ledger.put_request(
                key, request.model, request_json(request), encode_response(response),
                usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0,
                response.cost, self.origin,
            )  # fmt: skip
        self.account.pay(key, charge, reservation)
        return response

    def _reserve(self, route: Route, request: Request) -> Reservation:
        longest = request.sampling.max_tokens or _ASSUMED_COMPLETION
        # A token is at least one character, so the text's length bounds the prompt.
        tokens = sum(len(m.content) for m in request.messages) + longest
        price = route.price(request)
        if price is None and self.account.meter.budget.dollars is not None:
            raise UnknownPrice(
                f"the budget is in dollars and the price of {request.model} is unknown; "
                "give it a budget in calls or tokens, or set the model's price"
            )
        return self.account.reserve(tokens, price or 0.0)

    async def _send(self, frame: LaneFrame, route: Route, request: Request) -> Response:
        record = frame.record
        if record is not None and record.permit is not None:
            # The call's own permit serves its first request in flight.
            permit, record.permit = record.permit, None
        else:
            permit = self.gate
            await permit.wait()
        try:
            return await route.client.complete(request)
        finally:
            permit.release()

    async def kept(
        self, fn: HyperFunction, key: Any, record: Record, make: Callable[[], Awaitable[Any]]
    ) -> Any:
        """A finished call of a ``cache=True`` function, from the ledger when it is there."""
        if self.ledger is None:
            return await make()
        code = self._codes.get(fn)
        if code is None:
            code = self._codes[fn] = reach((fn,)).fingerprint
        name = content_key("kept", fn.name, code, repr(key[1:]))
        stored = self.ledger.get_call(name)
        if stored is not None:
            return decode(stored)
        value = await make()
        # What depends on values or luck outside the key must not be found under it.
        pure = not record.reads and (not record.seed_read or key[-1] is not None)
        data = encode(value) if pure else None
        if data is not None:
            self.ledger.put_call(name, fn.name, data)
        return value

    @contextlib.contextmanager
    def branches(self) -> Iterator[None]:
        """While it lasts, tasks that lanes start get places of their own, in program order."""
        loop, before = self.loop, self.loop.get_task_factory()

        def factory(loop: asyncio.AbstractEventLoop, work: Any, context: Context | None = None, **more: Any) -> Any:
            inside = context if context is not None else copy_context()
            frame = inside.get(FRAME)
            if isinstance(frame, LaneFrame):
                inside.run(FRAME.set, frame.branch())
                if self.hosts:
                    work = _hosted(work)
            if before is not None:
                return before(loop, work, context=inside, **more)
            return asyncio.Task(work, loop=loop, context=inside, **more)

        loop.set_task_factory(factory)
        try:
            yield
        finally:
            if loop.get_task_factory() is factory:
                loop.set_task_factory(before)


async def _hosted(work: Any) -> Any:
    return await Hosted(work)


def _take_prepaid(frame: LaneFrame) -> Reservation | None:
    record = frame.record
    while record is not None:
        if record.prepaid is not None:
            reservation, record.prepaid = record.prepaid, None
            return reservation
        record = record.parent
    return None


def _charge(response: Response) -> Charge:
    return Charge(response.usage.total_tokens if response.usage else 0, response.cost)
