"""One evaluation under way: its loop, limits, shared calls, and what it asks the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import BudgetError, BudgetExhausted
from hyperfunc.ledger.keys import content_key
from hyperfunc.llm.paid import find_response, keep_response, most_tokens, request_key, used
from hyperfunc.llm.redaction import scrub_response
from hyperfunc.program.binding import FRAME
from hyperfunc.program.discovery import reach

from .account import Account, Charge
from .encoding import decode, encode
from .frames import LaneFrame
from .gate import Gate
from .hosting import Hosted
from .lanes import Record
from .sharing import Flights

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger, Reservation
    from hyperfunc.llm.client import Request, Response, Route
    from hyperfunc.program.hyperfunction import HyperFunction

    from .waves.waves import Waves

__all__ = ["Session"]


class Session:
    """Shared state of the lanes of one evaluation.

    Args:
        seed: the user's.
        concurrency: calls in flight at once.
        ledger: where paid requests are looked up and kept; none are kept without one.
        account: what calls are charged to.
        origin: names this evaluation inside its run, so that a repeated run charges the same.

    Attributes:
        hosts: synchronous code of its lanes can wait.
        waves: batches calls of the lanes, which then need hosts; ``None`` makes each call by itself.
        shares: equal calls are made once.
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
        self.waves: Waves | None = None
        self.shares = True
        self._replies: dict[str, asyncio.Future[Response]] = {}
        self._codes: dict[HyperFunction, str] = {}
        self._sending = 0
        self._short: deque[asyncio.Future[None]] = deque()
        self._uncommitted: list[asyncio.Future[None]] = []

    async def request(self, frame: LaneFrame, route: Route, request: Request) -> Response:
        """Answer a request from the ledger, from an equal one in flight, or by paying for it."""
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
            response, charge = await self._answer(frame, key, route, request)
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
        frame.charge(key, charge)
        return response

    async def _answer(
        self, frame: LaneFrame, key: str, route: Route, request: Request
    ) -> tuple[Response, Charge]:
        response = find_response(self.ledger, key) if self.ledger is not None else None
        if response is not None:
            charge = _charge(route, request, response)
            self.account.hit(key, charge)
            return response, charge
        permit = await self._permit(frame)
        try:
            _return_prepaid(frame)
            answer = await self._send(frame, key, route, request)
        finally:
            permit.release()
        if self.ledger is not None:
            await self._durable()
        return answer

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
        self, frame: LaneFrame, key: str, route: Route, request: Request
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
                keep_response(self.ledger, key, request, response, self.origin)
            charge = _charge(route, request, response)
            self.account.pay(key, charge, reservation)
            return response, charge
        except BaseException as error:
            # What was cut off may have been paid for; what was answered by an error costs a call alone.
            lost = most if isinstance(error, asyncio.CancelledError) else Charge()
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

    def _wake(self) -> None:
        """Let those who wait for budget look again: one at a time, all when nothing is in flight."""
        for _ in range(min(1, len(self._short)) if self._sending else len(self._short)):
            turn = self._short.popleft()
            if not turn.done():
                turn.set_result(None)

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
            kept = decode(stored)
            for known, (tokens, dollars) in kept["charges"].items():
                self.account.hit(known, Charge(tokens, dollars))
                record.charges[known] = Charge(tokens, dollars)
            return kept["value"]
        value = await make()
        # What depends on values or luck outside the key must not be found under it.
        pure = not record.reads and (not record.seed_read or key[-1] is not None)
        charges = {known: [c.tokens, c.dollars] for known, c in record.charges.items()}
        data = encode({"value": value, "charges": charges}) if pure and record.fault is None else None
        if data is not None:
            self.ledger.put_call(name, fn.name, data, self.origin)
        return value

    @contextlib.contextmanager
    def branches(self) -> Iterator[None]:
        """While it lasts, tasks that lanes start get places of their own, in program order."""
        loop = self.loop
        factory = _FACTORIES.get(loop)
        if factory is None:
            factory = _FACTORIES[loop] = _Branching(loop.get_task_factory())
            loop.set_task_factory(factory)
        factory.users += 1
        try:
            yield
        finally:
            factory.users -= 1
            if not factory.users:
                del _FACTORIES[loop]
                now: Any = loop.get_task_factory()
                if now is factory:
                    loop.set_task_factory(factory.before)


class _Branching:
    """A task factory that gives each task of a lane its own frame; evaluations on one loop share it."""

    def __init__(self, before: Any) -> None:
        self.before = before
        self.users = 0

    def __call__(
        self, loop: asyncio.AbstractEventLoop, work: Any, context: Context | None = None, **more: Any
    ) -> Any:
        inside = context if context is not None else copy_context()
        frame = inside.get(FRAME)
        if not isinstance(frame, LaneFrame):
            return self._task(loop, work, inside, more)
        inside.run(FRAME.set, frame.branch())
        if frame.lane.session.hosts:
            task = self._task(loop, _hosted(work), inside, more)
            # Cancelled before its first step, it would leave the work behind as never awaited.
            task.add_done_callback(lambda _: work.close())
        else:
            task = self._task(loop, work, inside, more)
        frame.lane.adopt(task)
        return task

    def _task(self, loop: Any, work: Any, inside: Context, more: dict[str, Any]) -> Any:
        if self.before is not None:
            return self.before(loop, work, context=inside, **more)
        return asyncio.Task(work, loop=loop, context=inside, **more)


_FACTORIES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Branching] = weakref.WeakKeyDictionary()


async def _hosted(work: Any) -> Any:
    return await Hosted(work)


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
