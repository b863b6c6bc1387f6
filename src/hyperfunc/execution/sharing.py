"""Equal calls are made once: in-flight and finished calls of one evaluation, shared by content.

A call may share the result of another when the function, its own values, its inputs and the repeat
are equal, and everything the other one *read* on its way (values of nested functions, knobs of the
system, its seed) is the same here. What is read is only known afterwards, so followers wait for the
leader and then check; once a function is seen to read its seed, its place joins the key up front.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import BudgetError, InfrastructureError
from hyperfunc.program.hyperfunction import HyperFunction

if TYPE_CHECKING:
    from .frames import LaneFrame, Record

__all__ = ["Flight", "Flights", "Unshareable", "frozen"]

_KEPT = 65_536


class Unshareable(TypeError):
    """A value without a content that can be compared."""


def frozen(value: Any) -> Hashable:
    """A hashable stand-in that is equal exactly when type and content are.

    Raises:
        Unshareable: for values whose content cannot be told, such as open files or tensors.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int or kind is bool or kind is bytes or value is None:
        return (kind, value)
    if kind is float:
        # hex tells -0.0 from 0.0 and makes NaN equal to itself.
        return (kind, value.hex())
    if kind is tuple or kind is list:
        return (kind, *map(frozen, value))
    if kind is dict:
        return (kind, *((frozen(k), frozen(v)) for k, v in value.items()))
    if kind is set or kind is frozenset:
        return (kind, frozenset(map(frozen, value)))
    if kind.__module__ == "numpy" and hasattr(value, "tobytes") and not value.dtype.hasobject:
        return (kind, value.dtype.str, value.shape, value.tobytes())
    if dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return (kind, *(frozen(getattr(value, f.name)) for f in dataclasses.fields(kind)))
    raise Unshareable(kind.__name__)


class Flight:
    """One call that others may share."""

    __slots__ = ("charges", "error", "reads", "seed", "value", "waiter")

    def __init__(self) -> None:
        self.waiter: asyncio.Future[None] | None | bool = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.reads: dict[HyperFunction | str, str] = {}
        self.seed: int | None = None
        self.charges: dict[str, Any] = {}

    @property
    def done(self) -> bool:
        """Whether the call has ended."""
        return self.waiter is True

    def result(self) -> Any:
        """What the call returned, or raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.value

    async def landed(self) -> None:
        if self.waiter is None:
            self.waiter = asyncio.get_running_loop().create_future()
        if not isinstance(self.waiter, bool):
            await asyncio.shield(self.waiter)


class Flights:
    """The shared calls of one evaluation."""

    def __init__(self) -> None:
        self._table: OrderedDict[Hashable, list[Flight]] = OrderedDict()
        self._stochastic: set[HyperFunction] = set()

    def key(
        self, fn: HyperFunction, frame: LaneFrame, args: tuple[Any, ...], kwargs: dict[str, Any], place: Any
    ) -> Hashable | None:
        """What the call is, or ``None`` when it cannot be compared with others."""
        try:
            inputs = (frozen(args), frozen(kwargs))
        except Unshareable:
            return None
        own = frame.binding.token(fn)
        seed = frame.seed_at(place) if fn in self._stochastic else None
        return (fn, own, inputs, frame.lane.repeat, seed)

    async def find(self, key: Hashable, frame: LaneFrame, place: Any) -> Flight | None:
        """A call whose result holds here too, or ``None``; waits for equal ones that are under way."""
        flights = self._table.get(key)
        if flights is None:
            return None
        while True:
            for flight in flights:
                if flight.done and self._fits(flight, frame, place):
                    return flight
            pending = next((f for f in flights if not f.done), None)
            if pending is None:
                return None
            await pending.landed()

    def begin(self, key: Hashable | None) -> Flight:
        """Offer a call that starts now to others."""
        flight = Flight()
        if key is not None:
            self._table.setdefault(key, []).append(flight)
            if len(self._table) > _KEPT:
                self._forget()
        return flight

    def fail(self, key: Hashable | None, flight: Flight, error: BaseException) -> None:
        """The call raised: an error of the program is shared, anything else is not."""
        if isinstance(error, Exception) and not isinstance(error, BudgetError | InfrastructureError):
            flight.error = error
        elif key is not None:
            # Whoever waited makes the call itself.
            self._table[key].remove(flight)

    def land(self, fn: HyperFunction, flight: Flight, record: Record, seed: int | None) -> None:
        """The call has ended; its result holds wherever what it read is the same."""
        flight.reads = record.reads
        flight.charges = record.charges
        if seed is not None:
            flight.seed = seed
            self._stochastic.add(fn)
        waiter, flight.waiter = flight.waiter, True
        if waiter is not None and not isinstance(waiter, bool) and not waiter.done():
            waiter.set_result(None)

    def _fits(self, flight: Flight, frame: LaneFrame, place: Any) -> bool:
        if flight.seed is not None and flight.seed != frame.seed_at(place):
            return False
        return all(frame.binding.token(owner) == token for owner, token in flight.reads.items())

    def _forget(self) -> None:
        for key in list(self._table)[: _KEPT // 4]:
            if all(f.done for f in self._table[key]):
                del self._table[key]
