"""One evaluation under way: its loop, limits, shared calls, and what it asks the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from hyperfunc.ledger.keys import content_key
from hyperfunc.program.binding import FRAME
from hyperfunc.program.discovery import reach

from .account import Charge
from .encoding import decode, encode
from .frames import LaneFrame
from .hosting import Hosted
from .lanes import Record
from .sharing import Flights

if TYPE_CHECKING:
    from hyperfunc.llm.client import Request, Response, Route
    from hyperfunc.program.hyperfunction import HyperFunction

    from .traffic import Traffic
    from .waves.waves import Waves

__all__ = ["Session"]


class Session:
    """Shared state of the lanes of one evaluation.

    Args:
        seed: the user's.
        traffic: what it shares with other evaluations.
        origin: names this evaluation inside its run, so that a repeated run charges the same.

    Attributes:
        hosts: synchronous code of its lanes can wait.
        waves: batches calls of the lanes, which then need hosts; ``None`` makes each call by itself.
        charges: the calls that its lanes used so far, by key.
    """

    def __init__(self, *, seed: int, traffic: Traffic, origin: str) -> None:
        self.seed = seed
        self.traffic = traffic
        self.ledger = traffic.ledger
        self.account = traffic.account
        self.gate = traffic.gate
        self.loop = traffic.loop
        self.origin = origin
        self.flights = Flights()
        self.thread = threading.get_ident()
        self.hosts = False
        self.waves: Waves | None = None
        self.charges: dict[str, Charge] = {}
        self._codes: dict[HyperFunction, str] = {}

    async def request(self, frame: LaneFrame, route: Route, request: Request) -> Response:
        """Answer a model request of one of the lanes."""
        return await self.traffic.request(frame, route, request, self.origin)

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
