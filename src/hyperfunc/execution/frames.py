"""The frame of a lane: routes each call of a running program to the runner that finishes it."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import BudgetError, CallError, InfrastructureError
from hyperfunc.ledger.keys import content_key
from hyperfunc.program.binding import FRAME, Binding
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.rng import seed_of

from .account import Charge
from .attempts import attempts
from .hosting import can_park, park
from .lanes import Lane, NeedsHost, Record
from .sharing import nests
from .tracing.anatomy import fresh
from .waves.company import ALONE

if TYPE_CHECKING:
    from hyperfunc.ledger import Reservation
    from hyperfunc.llm.client import Request, Response, Route

    from .sharing import Flight, Keys

__all__ = ["INFRASTRUCTURE", "LaneFrame"]

INFRASTRUCTURE = (InfrastructureError, ConnectionError)
Place = tuple[str | int, ...]
Begin = Callable[[], Coroutine[Any, Any, Any]]
"""Makes the coroutine of a call. A coroutine around another one is given this instead: a task that is
cancelled before its first step would leave behind a coroutine that nobody ever awaits."""


class LaneFrame:
    """Where a lane stands: its place among the calls, and the call it is inside of.

    A place is the path of calls that led there, counted in program order inside each branch of a
    gather; it never depends on which call answers first.

    Args:
        lane: this frame is part of.
        place: path of calls.
        record: of the call it is inside of, if any.
        waits: the code here is a synchronous ``run`` or called by one, so that an ``async def``
            hyperfunction is waited for; elsewhere it gives an awaitable, as in plain Python.
    """

    __slots__ = ("_branches", "_counts", "lane", "place", "record", "waits")

    def __init__(
        self, lane: Lane, place: Place = (), record: Record | None = None, waits: bool = False
    ) -> None:
        self.lane = lane
        self.place = place
        self.record = record
        self.waits = waits
        self._counts: dict[str, int] | None = None
        self._branches = 0

    @property
    def binding(self) -> Binding:
        """The lane's values."""
        return self.lane.binding

    def branch(self) -> LaneFrame:
        """The frame of a task that the program starts here."""
        self._branches += 1
        place = (*self.place, "|", self._branches)
        if self.lane.trace is not None:
            self.lane.trace.branch(place)
        return LaneFrame(self.lane, place, self.record, self.waits)

    def again(self, attempt: int) -> LaneFrame:
        """The frame of a further attempt at the call: places of its own, whatever the last one did."""
        return LaneFrame(self.lane, (*self.place, "again", attempt), self.record, self.waits)

    def call(self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make one call: at once when it never waits, else parked until its runner has finished it."""
        trace = self.lane.trace
        if trace is None:
            return self.untraced(fn, args, kwargs)
        number = 0 if self._counts is None else self._counts.get(fn.name, -1) + 1
        return trace.call(self, fn, (*self.place, fn.name, number), args, kwargs)

    def untraced(
        self,
        fn: HyperFunction,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        around: Callable[[Begin], Coroutine[Any, Any, Any]] | None = None,
    ) -> Any:
        """Make one call that no trace sees, or that its trace has seen.

        Args:
            fn: what is called.
            args: positional arguments.
            kwargs: named arguments.
            around: makes the coroutine of a call that waits out of what makes it.
        """
        lane = self.lane
        counts = self._counts
        if counts is None:
            counts = self._counts = {}
        number = counts[fn.name] = counts.get(fn.name, -1) + 1
        place = (*self.place, fn.name, number)
        lane.reached.add(fn.name)
        if self.record is not None:
            self.read(fn)
        if fn.inline:
            waves = lane.session.waves
            if waves is not None and self._may_park() and waves.wants(fn, args, kwargs):
                value = waves.join(self, fn, args, kwargs, place)
                if value is not ALONE:
                    return value
            ready = lane.binding.injection(fn)
            if ready:
                kwargs = fn.merge(ready, args, kwargs)
            token = FRAME.set(LaneFrame(lane, place, self.record, self.waits))
            try:
                return fn.fn(*args, **kwargs)
            finally:
                FRAME.reset(token)
        self._refuse_if_over(fn.name)
        begin: Begin = partial(self._perform, fn, args, kwargs, place)
        return self._waiting(fn, begin if around is None else partial(around, begin))

    def count(self, what: str) -> int:
        """How many of these there were here before; one more is there now."""
        self._refuse_if_over(what)
        if self._counts is None:
            self._counts = {}
        number = self._counts[what] = self._counts.get(what, -1) + 1
        return number

    def _may_park(self) -> bool:
        lane = self.lane
        return not lane.over and can_park() and threading.get_ident() == lane.session.thread

    def _waiting(self, fn: HyperFunction, begin: Begin) -> Any:
        """How the caller waits: a coroutine to await, a switch to the host, or a blocked thread."""
        session = self.lane.session
        here = threading.get_ident() == session.thread
        if fn.is_async and not self.waits:
            return begin() if here else self._elsewhere(begin)
        if not here:
            return asyncio.run_coroutine_threadsafe(begin(), session.loop).result()
        if can_park():
            return park(begin())
        session.hosts = self.lane.needs_host = True
        raise NeedsHost(fn.name)

    async def _elsewhere(self, begin: Begin) -> Any:
        """Wait, on another thread's loop, for work of the evaluation's loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begin(), self.lane.session.loop))

    async def _perform(
        self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], place: Place
    ) -> Any:
        """Finish one call that may wait: share it, or make it under the limits."""
        lane = self.lane
        if fn.policy.max_calls is not None:
            lane.count(fn)
        flights = lane.session.flights
        call = flights.call(fn, self, args, kwargs) if fn.share and lane.session.shares else None
        lane.flying += 1
        try:
            keys = None if call is None else flights.keys(call, self, place)
            if call is not None and keys is not None and flights.knows(keys):
                waves = lane.session.waves
                if waves is not None:
                    waves.follow(lane, 1)
                try:
                    match = await flights.find(call, self, place)
                finally:
                    if waves is not None:
                        waves.follow(lane, -1)
                if match is not None:
                    self.absorb(match)
                    # Objects of its own tell equal calls of one trace apart.
                    return match.result() if lane.trace is None else fresh(match.result())
                keys = flights.keys(call, self, place)
            return await self._make(fn, args, kwargs, place, call, keys)
        except INFRASTRUCTURE:
            lane.shaky = True
            raise
        finally:
            lane.landed()

    async def _make(
        self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], place: Place,
        call: tuple[Any, ...] | None, keys: Keys | None,
    ) -> Any:  # fmt: skip
        """Make one call under the limits, and offer its result to equal ones."""
        lane, flights, gate = self.lane, self.lane.session.flights, self.lane.session.gate
        record = Record(self.record)
        flight = record.flight = flights.begin(keys)
        waves = lane.session.waves
        if waves is not None:
            waves.call_begins(record)
        try:
            if self.record is not None:
                self.record.give_back()
            if not gate.take():
                await gate.wait()
            record.permit = gate
            token = FRAME.set(LaneFrame(lane, place, record, self.waits and not fn.is_async))
            try:
                ready = lane.binding.injection(fn)
                if ready:
                    kwargs = fn.merge(ready, args, kwargs)
                if fn.model is None and not fn.cache:
                    self.admit(fn)
                    value = await attempts(fn, args, kwargs)
                else:
                    key = None if call is None else flights.key(call, self, place)
                    value = await self._kept_or_paid(fn, args, kwargs, key, record)
            finally:
                FRAME.reset(token)
            if record.fault is not None:
                # The program went on without an answer it was refused; nothing may be built on that.
                raise record.fault
            flight.keep(value)
            return value
        except BaseException as error:
            flight.fail(error)
            raise
        finally:
            record.over = True
            if waves is not None:
                waves.call_ends(record)
            record.give_back()
            flights.land(call, flight, record, self, place)

    def _refuse_if_over(self, what: str) -> None:
        if self.lane.over if self.record is None else self.record.over:
            raise CallError(f"{what} was called by code that its lane left behind; await it before returning")

    async def _kept_or_paid(
        self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], key: Any,
        record: Record,
    ) -> Any:  # fmt: skip
        child = FRAME.get()
        assert isinstance(child, LaneFrame)

        async def make() -> Any:
            self.admit(fn)
            if fn.model is None:
                return await attempts(fn, args, kwargs)
            return await child._paying(fn, args, kwargs, key)

        if not fn.cache or key is None:
            return await make()
        return await self.lane.session.kept(fn, key, record, make)

    async def _paying(
        self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], key: Any
    ) -> Any:
        """Run a function that names a model: it counts as one call unless requests of it are counted."""
        record, session = self.record, self.lane.session
        assert record is not None
        if record.is_inside_paid():
            return await attempts(fn, args, kwargs)
        record.prepaid = await self.afford()
        try:
            return await attempts(fn, args, kwargs)
        finally:
            reservation, record.prepaid = record.prepaid, None
            if record.requests == 0 and reservation is not None:
                if self.lane.trace is not None and nests(record.reads):
                    # Nobody shares it, so equal ones are made and charged one by one.
                    key = None
                where = None if key is not None and not record.seed_read else [self.lane.luck, *self.place]
                unique = content_key(
                    "call", session.origin, fn.name, self.binding.token(fn), repr(key), self.lane.repeat,
                    sorted((str(o), t) for o, t in record.reads.items()), where,
                    self.lane.number if key is None else None,
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
        lane = self.lane
        if threading.get_ident() != lane.session.thread:
            again: Begin = partial(self.complete, route, request)
            return await self._elsewhere(again)  # type: ignore[no-any-return]
        self._refuse_if_over(request.model)
        if self._counts is None:
            self._counts = {}
        number = self._counts.get("", 0)
        self._counts[""] = number + 1
        if request.seed is None and request.sampling.temperature != 0:
            self._mark_seed()
            request = dataclasses.replace(request, seed=self.seed_at((*self.place, "", number)))
        lane.flying += 1
        waves = lane.session.waves
        if waves is not None:
            waves.request(1)
        try:
            return await lane.session.request(self, route, request)
        except INFRASTRUCTURE:
            if self.record is None:
                lane.shaky = True
            raise
        finally:
            if waves is not None:
                waves.request(-1)
            lane.landed()

    async def afford(self, tokens: int = 0, dollars: float | None = 0.0) -> Reservation:
        """Set one model call aside; when the budget refuses, the lane is over whatever the program does.

        Raises:
            BudgetError: nothing more may be dispatched.
        """
        try:
            return await self.lane.session.traffic.reserve(tokens, dollars)
        except BudgetError as error:
            self.refused(error)
            raise

    def admit(self, fn: HyperFunction) -> None:
        """Count a call that is about to be made against ``max_calls_per_run``.

        Raises:
            BudgetError: there were enough in this run.
        """
        if fn.policy.max_calls_per_run is None:
            return
        try:
            self.lane.session.account.count(fn.name, fn.policy.max_calls_per_run)
        except BudgetError as error:
            self.refused(error)
            raise

    def refused(self, error: BudgetError) -> None:
        """The budget refused something here: this lane and the calls around it have no result."""
        self.lane.fault = error
        if self.record is not None:
            self.record.refuse(error)

    def read(self, owner: HyperFunction | str) -> None:
        """Note that the calls around this place depend on the values of ``owner``."""
        if self.record is not None:
            self.record.read(owner, self.lane.binding.token(owner))

    def charge(self, key: str, charge: Charge) -> None:
        """Note that the lane and the calls around this place used a paid call."""
        self.lane.charges[key] = charge
        if self.record is not None:
            self.record.charge(key, charge)

    def absorb(self, flight: Flight) -> None:
        """Take over what a shared call had read and used."""
        if flight.seed is not None:
            self._mark_seed()
        for owner in flight.reads:
            self.read(owner)
            if isinstance(owner, HyperFunction):
                self.lane.reached.add(owner.name)
        for key, charge in flight.charges.items():
            self.charge(key, charge)

    def _mark_seed(self) -> None:
        if self.record is not None:
            self.record.mark_seed()
