"""The frame of a lane: routes each call of a running program to the runner that finishes it."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import CallLimit
from hyperfunc.ledger.keys import content_key
from hyperfunc.program.binding import FRAME, Binding
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.program.policy import run_async, run_thread
from hyperfunc.rng import seed_of

from .account import Charge
from .gate import Gate
from .hosting import Hosted, can_park, is_sync, park

if TYPE_CHECKING:
    from hyperfunc.ledger import Reservation
    from hyperfunc.llm.client import Request, Response, Route

    from .session import Session
    from .sharing import Flight

__all__ = ["Lane", "LaneFrame", "NeedsHost", "Record"]

Place = tuple[str | int, ...]


class NeedsHost(BaseException):
    """Synchronous code inside an ``async`` lane has to wait, and the lane runs without a host.

    Not an ``Exception``, so that no program swallows it; the engine runs the lane again with a host.
    """


class Lane:
    """One candidate on one example, once."""

    __slots__ = ("binding", "calls", "charges", "luck", "repeat", "session")

    def __init__(self, session: Session, binding: Binding, luck: str, repeat: int) -> None:
        self.session = session
        self.binding = binding
        self.luck = luck
        self.repeat = repeat
        self.charges: dict[str, Charge] = {}
        self.calls: dict[str, int] | None = None

    def count(self, fn: HyperFunction) -> None:
        """Count a call against the function's ``max_calls``."""
        if self.calls is None:
            self.calls = {}
        made = self.calls[fn.name] = self.calls.get(fn.name, 0) + 1
        if made > (fn.policy.max_calls or made):
            raise CallLimit(f"{fn.name} was called more than max_calls={fn.policy.max_calls} times in one lane")


class Record:
    """What one call did, for itself and for the calls around it."""

    __slots__ = ("charges", "parent", "permit", "prepaid", "reads", "requests", "seed_read")

    def __init__(self, parent: Record | None) -> None:
        self.parent = parent
        self.reads: dict[HyperFunction | str, str] = {}
        self.charges: dict[str, Charge] = {}
        self.seed_read = False
        self.permit: Gate | None = None
        self.prepaid: Reservation | None = None
        self.requests = 0

    def give_back(self) -> None:
        """Return the concurrency permit: a call that waits for inner calls holds none."""
        if self.permit is not None:
            self.permit.release()
            self.permit = None


class LaneFrame:
    """Where a lane stands: its place among the calls, and the call it is inside of.

    A place is the path of calls that led there, counted in program order inside each branch of a
    gather; it never depends on which call answers first.
    """

    __slots__ = ("_branches", "_counts", "lane", "place", "record")

    def __init__(self, lane: Lane, place: Place = (), record: Record | None = None) -> None:
        self.lane = lane
        self.place = place
        self.record = record
        self._counts: dict[str, int] = {}
        self._branches = 0

    @property
    def binding(self) -> Binding:
        """The lane's values."""
        return self.lane.binding

    def branch(self) -> LaneFrame:
        """The frame of a task that the program starts here."""
        self._branches += 1
        return LaneFrame(self.lane, (*self.place, "|", self._branches), self.record)

    def call(self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make one call: at once when it never waits, else parked until its runner has finished it."""
        lane = self.lane
        number = self._counts.get(fn.name, 0)
        self._counts[fn.name] = number + 1
        place = (*self.place, fn.name, number)
        if self.record is not None:
            self.read(fn)
        if fn.inline:
            ready = lane.binding.injection(fn)
            if ready:
                kwargs = fn.merge(ready, args, kwargs)
            token = FRAME.set(LaneFrame(lane, place, self.record))
            try:
                return fn.fn(*args, **kwargs)
            finally:
                FRAME.reset(token)
        return self._waiting(fn, self._perform(fn, args, kwargs, place))

    def _waiting(self, fn: HyperFunction, work: Any) -> Any:
        """How the caller waits: a coroutine to await, a switch to the host, or a blocked thread."""
        session = self.lane.session
        if threading.get_ident() != session.thread:
            return asyncio.run_coroutine_threadsafe(work, session.loop).result()
        if fn.is_async and not is_sync():
            return work
        if can_park():
            return park(work)
        work.close()
        session.hosts = True
        raise NeedsHost(fn.name)

    async def _perform(
        self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], place: Place
    ) -> Any:
        """Finish one call that may wait: share it, or make it under the limits."""
        lane = self.lane
        session = lane.session
        if fn.policy.max_calls is not None:
            lane.count(fn)
        flights = session.flights
        key = flights.key(fn, self, args, kwargs, place) if fn.share else None
        if key is not None:
            match = await flights.find(key, self, place)
            if match is not None:
                self.absorb(match)
                return match.result()
        record = Record(self.record)
        flight = flights.begin(key)
        gate = session.gate
        if self.record is not None:
            self.record.give_back()
        if not gate.take():
            await gate.wait()
        record.permit = gate
        token = FRAME.set(LaneFrame(lane, place, record))
        try:
            ready = lane.binding.injection(fn)
            if ready:
                kwargs = fn.merge(ready, args, kwargs)
            if fn.model is None and not fn.cache:
                value = await _attempts(fn, args, kwargs)
            else:
                value = await self._kept_or_paid(fn, args, kwargs, key, record, place)
            flight.value = value
            return value
        except BaseException as error:
            flights.fail(key, flight, error)
            raise
        finally:
            FRAME.reset(token)
            record.give_back()
            flights.land(fn, flight, record, self.seed_at(place) if record.seed_read else None)

    async def _kept_or_paid(
        self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], key: Any,
        record: Record, place: Place,
    ) -> Any:  # fmt: skip
        child = FRAME.get()
        assert isinstance(child, LaneFrame)

        async def make() -> Any:
            if fn.model is None:
                return await _attempts(fn, args, kwargs)
            return await child._paying(fn, args, kwargs, key)

        if fn.cache and key is not None:
            return await self.lane.session.kept(fn, key, record, make)
        return await make()

    async def _paying(
        self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], key: Any
    ) -> Any:
        """Run a function that names a model: it counts as one call unless requests of it are counted."""
        record, session = self.record, self.lane.session
        assert record is not None
        if _is_inside_paid(record):
            return await _attempts(fn, args, kwargs)
        record.prepaid = session.account.reserve()
        try:
            return await _attempts(fn, args, kwargs)
        finally:
            reservation, record.prepaid = record.prepaid, None
            if record.requests == 0 and reservation is not None:
                unique = content_key(
                    "call", session.origin, fn.name, self.binding.token(fn), repr(key), self.lane.repeat,
                    sorted((str(o), t) for o, t in record.reads.items()),
                    None if key is not None and not record.seed_read else [self.lane.luck, list(self.place)],
                )  # fmt: skip
                session.account.pay(unique, Charge(), reservation)
                self.charge(unique, Charge())
            elif reservation is not None:
                reservation.release()

    def knob(self, name: str) -> Any:
        """A knob of the system itself."""
        if self.record is not None:
            self.read(name)
        return self.lane.binding.values[name]

    def seed(self) -> int:
        """The effective seed of the call this frame is inside of."""
        self._mark_seed()
        return self.seed_at(self.place)

    def seed_at(self, place: Place) -> int:
        """The seed that a call at ``place`` would have."""
        lane = self.lane
        return seed_of(lane.session.seed, lane.luck, place, lane.repeat)

    async def complete(self, route: Route, request: Request) -> Response:
        """Send a model request; a stochastic one without a seed gets the seed of its place."""
        number = self._counts.get("", 0)
        self._counts[""] = number + 1
        if request.seed is None and request.sampling.temperature != 0:
            self._mark_seed()
            request = dataclasses.replace(request, seed=self.seed_at((*self.place, "", number)))
        return await self.lane.session.request(self, route, request)

    def read(self, owner: HyperFunction | str) -> None:
        """Note that the calls around this place depend on the values of ``owner``."""
        token = self.lane.binding.token(owner)
        record = self.record
        while record is not None:
            record.reads[owner] = token
            record = record.parent

    def charge(self, key: str, charge: Charge) -> None:
        """Note that the lane and the calls around this place used a paid call."""
        self.lane.charges[key] = charge
        record = self.record
        while record is not None:
            record.charges[key] = charge
            record = record.parent

    def absorb(self, flight: Flight) -> None:
        """Take over what a shared call had read and used."""
        if flight.seed is not None:
            self._mark_seed()
        for owner in flight.reads:
            self.read(owner)
        for key, charge in flight.charges.items():
            self.charge(key, charge)

    def _mark_seed(self) -> None:
        record = self.record
        while record is not None:
            record.seed_read = True
            record = record.parent


def _attempts(fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    """One call with its retries: awaited, in a thread, or in place."""
    if fn.is_async:
        if fn.plain:
            return _start(fn, args, kwargs)
        return run_async(fn.policy, fn.name, lambda: _start(fn, args, kwargs))
    if fn.policy.blocking or fn.policy.timeout_s is not None:
        return run_async(fn.policy, fn.name, lambda: run_thread(lambda: fn.fn(*args, **kwargs)))
    return run_async(fn.policy, fn.name, lambda: Hosted(_in_place(fn, args, kwargs), sync=True))


def _start(fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    work = fn.fn(*args, **kwargs)
    frame = FRAME.get()
    hosts = isinstance(frame, LaneFrame) and frame.lane.session.hosts
    return Hosted(work) if hosts and not can_park() else work  # type: ignore[no-any-return]


async def _in_place(fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn.fn(*args, **kwargs)


def _is_inside_paid(record: Record) -> bool:
    outer = record.parent
    while outer is not None:
        if outer.prepaid is not None or outer.requests:
            return True
        outer = outer.parent
    return False
