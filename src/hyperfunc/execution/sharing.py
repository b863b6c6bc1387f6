"""Equal calls are made once: in-flight and finished calls of one evaluation, shared by content.

A call may share the result of another when the function, its own values, its inputs and the repeat
are equal, and everything the other one *read* on its way (values of nested functions, knobs of the
system, its seed) is the same here. What is read is only known afterwards, so followers wait for the
leader and then check. What calls of a function were seen to read tells later calls up front whether they
can be equal, so that calls which cannot share never wait for each other.

A shared value is as if it had been computed anew: whoever gets one that can be changed gets a copy.

A lane that is traced for its metric shares calls that made no calls themselves: whatever happened inside
another one would be missing in its trace.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import enum
import types
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import BudgetError, InfrastructureError
from hyperfunc.program.hyperfunction import HyperFunction

if TYPE_CHECKING:
    from .frames import LaneFrame
    from .lanes import Record

__all__ = ["Flight", "Flights", "Unshareable", "frozen", "nests", "own", "unchangeable"]

_KEPT = 65_536
_SCANNED = 64
_NOTHING: Mapping[Any, Any] = types.MappingProxyType({})
_ATOMS = (
    str, int, float, bool, bytes, complex, type(None), type(...), object, type, types.FunctionType,
    types.BuiltinFunctionType, types.ModuleType,
)  # fmt: skip


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
        # Sorted, so that the text of a key is the same in every process.
        return (kind, *sorted(map(frozen, value), key=repr))
    if isinstance(value, enum.Enum):
        return (kind, value.name)
    if kind.__module__ == "numpy" and hasattr(value, "tobytes") and not value.dtype.hasobject:
        return (kind, value.dtype.str, value.shape, value.tobytes())
    if dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return (kind, *(frozen(getattr(value, f.name)) for f in dataclasses.fields(kind)))
    raise Unshareable(kind.__name__)


def unchangeable(value: Any) -> bool:
    """Whether nobody who holds the value can change it."""
    kind = type(value)
    if kind in _ATOMS or isinstance(value, enum.Enum):
        return True
    if kind is tuple or kind is frozenset:
        return all(map(unchangeable, value))
    if dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return all(unchangeable(getattr(value, f.name)) for f in dataclasses.fields(kind))
    return False


def own(value: Any) -> Any:
    """The value itself when it is unchangeable, else a copy.

    Raises:
        Unshareable: it cannot be copied.
    """
    if unchangeable(value):
        return value
    try:
        return copy.deepcopy(value)
    except Exception as error:
        raise Unshareable(type(value).__name__) from error


class Flight:
    """One call that others may share."""

    __slots__ = ("charges", "error", "keys", "reads", "seed", "shared", "value", "waiter", "waits")

    def __init__(self) -> None:
        self.waiter: asyncio.Future[None] | bool | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.shared = False
        self.reads: Mapping[HyperFunction | str, str] = _NOTHING
        self.seed: int | None = None
        self.charges: Mapping[str, Any] = _NOTHING
        self.keys: Keys | None = None
        self.waits: list[Flight] | None = None

    def keep(self, value: Any) -> None:
        """The call returned; offer the value to others if it can be copied."""
        if self.keys is None:
            return
        try:
            self.value = own(value)
            self.shared = True
        except Unshareable:
            self.value = value

    def fail(self, error: BaseException) -> None:
        """The call raised.

        An error of the program holds for everyone, trouble with the infrastructure only for those who
        wait now. When the call was cut off or found no budget, others make it themselves.
        """
        if isinstance(error, Exception) and not isinstance(error, BudgetError):
            self.error = _twin(error)
            self.shared = not isinstance(error, InfrastructureError | ConnectionError)

    def result(self) -> Any:
        """What the call returned, or raises what it raised."""
        if self.error is not None:
            raise _twin(self.error)
        return own(self.value)

    async def landed(self) -> None:
        """Wait until the call has ended."""
        if self.waiter is None:
            self.waiter = asyncio.get_running_loop().create_future()
        if not isinstance(self.waiter, bool):
            await asyncio.shield(self.waiter)


Keys = tuple[Hashable, Hashable]
"""Where equal finished calls are, and under what an equal one would be flying."""


class Flights:
    """The shared calls of one evaluation."""

    def __init__(self) -> None:
        self._done: OrderedDict[Hashable, list[Flight]] = OrderedDict()
        self._flying: dict[Hashable, Flight] = {}
        self._stochastic: set[HyperFunction] = set()
        self._alone: set[HyperFunction] = set()
        self._nesting: set[HyperFunction] = set()
        self._reads: dict[HyperFunction, dict[HyperFunction | str, None]] = {}

    def call(
        self, fn: HyperFunction, frame: LaneFrame, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, ...] | None:
        """What the call is, or ``None`` when it cannot be compared with others."""
        if fn in self._alone or (frame.lane.trace is not None and fn in self._nesting):
            return None
        try:
            inputs = (frozen(args), frozen(kwargs) if kwargs else None)
        except Unshareable:
            return None
        return (fn, frame.binding.token(fn), inputs, frame.lane.repeat)

    def key(self, call: tuple[Any, ...], frame: LaneFrame, place: Any) -> tuple[Any, ...]:
        """The call with its seed, if calls of the function were seen to read one."""
        return (*call, frame.seed_at(place) if call[0] in self._stochastic else None)

    def keys(self, call: tuple[Any, ...], frame: LaneFrame, place: Any) -> Keys:
        """Where equal finished calls are, and under what an equal one would be flying."""
        key = self.key(call, frame, place)
        owners = self._reads.get(call[0])
        if not owners:
            return key, key
        return key, (key, *((owner, frame.binding.token(owner)) for owner in owners))

    async def find(self, call: tuple[Any, ...], frame: LaneFrame, place: Any) -> Flight | None:
        """A call whose result holds here too, or ``None``; waits for equal ones that are under way."""
        while True:
            if frame.lane.trace is not None and call[0] in self._nesting:
                return None
            done, flying = self.keys(call, frame, place)
            for flight in reversed(self._done.get(done, ())[-_SCANNED:]):
                if self._fits(flight, frame, place):
                    return flight
            pending = self._flying.get(flying)
            if pending is None:
                return None
            around = _around(frame)
            if _leads_to(pending, around):
                # It waits for a call that this one is inside of.
                return None
            if frame.record is not None:
                # Whoever waits holds no permit: the other call may need it.
                frame.record.give_back()
            for outer in around:
                outer.waits = [*(outer.waits or ()), pending]
            try:
                await pending.landed()
            finally:
                for outer in around:
                    assert outer.waits is not None
                    outer.waits.remove(pending)
            if pending.error is not None and self._fits(pending, frame, place):
                return pending

    def knows(self, keys: Keys) -> bool:
        """Whether an equal call is finished or under way."""
        return keys[0] in self._done or keys[1] in self._flying

    def begin(self, keys: Keys | None) -> Flight:
        """Offer a call that starts now to others."""
        flight = Flight()
        if keys is not None:
            flight.keys = keys
            self._flying.setdefault(keys[1], flight)
        return flight

    def land(
        self, call: tuple[Any, ...] | None, flight: Flight, record: Record, frame: LaneFrame, place: Any
    ) -> None:
        """The call has ended; its result holds wherever what it read is the same."""
        flight.reads = record.reads
        if call is not None and frame.lane.trace is not None and nests(record.reads):
            self._nesting.add(call[0])
        flight.charges = record.charges
        if record.seed_read:
            flight.seed = frame.seed_at(place)
        if call is not None and flight.keys is not None:
            if self._flying.get(flight.keys[1]) is flight:
                del self._flying[flight.keys[1]]
            if record.seed_read:
                self._stochastic.add(call[0])
            if record.reads:
                self._reads.setdefault(call[0], {}).update(dict.fromkeys(record.reads))
            if flight.shared:
                done = self.key(call, frame, place) if call[0] in self._stochastic else flight.keys[0]
                self._done.setdefault(done, []).append(flight)
                if len(self._done) > _KEPT:
                    self._forget()
            elif flight.value is not None:
                self._alone.add(call[0])
        waiter, flight.waiter = flight.waiter, True
        if waiter is not None and not isinstance(waiter, bool) and not waiter.done():
            waiter.set_result(None)

    def _fits(self, flight: Flight, frame: LaneFrame, place: Any) -> bool:
        if flight.seed is not None and flight.seed != frame.seed_at(place):
            return False
        return all(frame.binding.token(owner) == token for owner, token in flight.reads.items())

    def _forget(self) -> None:
        for _ in range(_KEPT // 4):
            self._done.popitem(last=False)


def nests(reads: Mapping[HyperFunction | str, str]) -> bool:
    """Whether a call that read this made calls of its own."""
    return any(isinstance(owner, HyperFunction) for owner in reads)


def _around(frame: LaneFrame) -> list[Flight]:
    """The calls that this place is inside of."""
    flights = []
    record = frame.record
    while record is not None:
        if record.flight is not None:
            flights.append(record.flight)
        record = record.parent
    return flights


def _leads_to(flight: Flight, targets: list[Flight]) -> bool:
    """Whether a call waits, directly or through others, for one of the targets."""
    if not targets:
        return False
    seen: set[int] = set()
    stack = [flight]
    while stack:
        at = stack.pop()
        if any(at is target for target in targets):
            return True
        if id(at) not in seen:
            seen.add(id(at))
            stack.extend(at.waits or ())
    return False


def _twin(error: BaseException) -> BaseException:
    """The error for one more lane; a copy, so that tracebacks and notes do not pile up on one object."""
    try:
        twin = copy.copy(error)
    except Exception:
        return error
    if type(twin) is not type(error) or str(twin) != str(error):
        return error
    if hasattr(error, "__notes__"):
        twin.__notes__ = list(error.__notes__)
    return twin.with_traceback(None)
