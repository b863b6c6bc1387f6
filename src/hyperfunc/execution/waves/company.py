"""What a batch of calls shares: the frame its code runs in, and values that differ between candidates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import ProgramError
from hyperfunc.execution.sharing import Unshareable, frozen
from hyperfunc.program.binding import Binding
from hyperfunc.program.hyperfunction import HyperFunction

if TYPE_CHECKING:
    from hyperfunc.execution.frames import LaneFrame

__all__ = ["ALONE", "BatchFrame", "Call", "Report", "Unbatchable", "Unseen", "Values"]

ALONE = object()
"""What a parked call is settled with when it has to be made by itself."""

Owner = HyperFunction | str


class Unbatchable(BaseException):
    """Why a function cannot be run for many calls at once. No ``Exception``, so that no program swallows it.

    Args:
        reason: in a few words.
        final: no other way of batching can help.
    """

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Unseen(BaseException):
    """The code reads values of an owner that were not laid out for the batch."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(str(owner))
        self.owner = owner


class Report:
    """What became of the calls of one function.

    Attributes:
        calls: calls that were made while batches were on.
        waves: batches that were run.
        batched: calls that were answered by them.
        fallback: calls made one by one because a batch was impossible; the rest had no company.
        reason: why, or why batches were smaller than they could have been; empty when nothing was wrong.
    """

    __slots__ = ("batched", "calls", "fallback", "reason", "waves")

    def __init__(self) -> None:
        self.calls = self.waves = self.batched = self.fallback = 0
        self.reason = ""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: getattr(self, name) for name in ("calls", "waves", "batched", "fallback", "reason")}


class Call:
    """One call that waits for company."""

    __slots__ = ("args", "fn", "frame", "future", "kwargs", "leaves", "place")

    def __init__(
        self, frame: LaneFrame, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any],
        place: tuple[str | int, ...], future: asyncio.Future[Any],
    ) -> None:  # fmt: skip
        self.frame = frame
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.place = place
        self.future = future
        self.leaves: tuple[Any, ...] = ()

    @property
    def binding(self) -> Binding:
        """The values of its candidate."""
        return self.frame.lane.binding

    @property
    def waits(self) -> bool:
        """Whether somebody still wants the result."""
        return not self.future.done()

    def settle(self, value: Any) -> None:
        """Give the result; ``ALONE`` makes the lane compute it."""
        if not self.future.done():
            self.future.set_result(value)

    def fail(self, message: str) -> None:
        """The program is put together wrongly."""
        if not self.future.done():
            self.future.set_exception(ProgramError(message))


class BatchFrame:
    """The frame of code that is run once for many calls.

    Args:
        binding: values, some of them with one more axis.
        owners: whose values were laid out; reading others raises :class:`Unseen`. ``None`` allows all.
        reached: collects the names of the functions that are called.
    """

    __slots__ = ("binding", "owners", "reached")

    def __init__(
        self, binding: Binding, owners: Mapping[Owner, None] | None, reached: dict[Owner, None]
    ) -> None:
        self.binding = binding
        self.owners = owners
        self.reached = reached

    def call(self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function in place."""
        if not fn.inline:
            raise Unbatchable(f"it calls {fn.name}, which may have to wait", final=True)
        self._see(fn)
        ready = self.binding.injection(fn)
        return fn.fn(*args, **(fn.merge(ready, args, kwargs) if ready else kwargs))

    def knob(self, name: str) -> Any:
        """The system's own knob by name."""
        self._see(name)
        return self.binding.values[name]

    def seed(self) -> int | None:
        """Calls have different seeds."""
        raise Unbatchable("it reads current_seed()", final=True)

    async def complete(self, route: Any, request: Any) -> Any:
        """Models are asked call by call."""
        raise Unbatchable("it asks a model", final=True)

    def _see(self, owner: Owner) -> None:
        if self.owners is not None and owner not in self.owners:
            raise Unseen(owner)
        self.reached[owner] = None


class Values:
    """Values of candidates, laid out for one function and those it calls.

    Attributes:
        owners: functions, and knobs of the system, whose values are read.
        apart: calls of different candidates go in different batches.
    """

    def __init__(self, fn: HyperFunction) -> None:
        self.owners: dict[Owner, None] = {fn: None}
        self.apart = False
        self._keys: dict[int, tuple[Binding, Hashable]] = {}
        self._columns: dict[Any, tuple[Any, dict[str, Any]]] = {}

    def see(self, owner: Owner) -> None:
        """One more owner is read."""
        self.owners[owner] = None
        self._keys.clear()
        self._columns.clear()

    def split(self) -> None:
        """From now on candidates stay apart."""
        self.apart = True
        self._keys.clear()
        self._columns.clear()

    def key(self, binding: Binding) -> Hashable:
        """Candidates whose keys are equal may share a batch."""
        known = self._keys.get(id(binding))
        if known is None:
            # The binding is kept, so that its id stays its own.
            known = self._keys[id(binding)] = (binding, id(binding) if self.apart else self._fixed(binding))
        return known[1]

    def columns(self, bindings: Sequence[Binding], make: Callable[[list[Any]], Any]) -> dict[str, Any]:
        """Numbers and arrays that differ between candidates, each stacked by ``make`` as ``[K, …]``."""
        if len(bindings) == 1:
            return {}
        key = (tuple(map(id, bindings)), make)
        known = self._columns.get(key)
        if known is None:
            if len(self._columns) >= _KEPT:
                self._columns.pop(next(iter(self._columns)))
            found = {}
            for name, default in self._names():
                values = [b.values.get(name, default) for b in bindings]
                if isinstance(values[0], float | np.ndarray) and not _same(values):
                    found[name] = make(values)
            known = self._columns[key] = (bindings, found)
        return known[1]

    def _fixed(self, binding: Binding) -> Hashable:
        """The values that no column can hold, by which code may branch."""
        try:
            return tuple([
                (name, "column" if isinstance(value, float | np.ndarray) else frozen(value))
                for name, default in self._names()
                for value in (binding.values.get(name, default),)
            ])  # fmt: skip
        except Unshareable:
            return id(binding)

    def _names(self) -> list[tuple[str, Any]]:
        names: list[tuple[str, Any]] = []
        for owner in self.owners:
            names.extend([(owner, None)] if isinstance(owner, str) else owner.defaults.items())
        return names


_KEPT = 4


def _same(values: Sequence[Any]) -> bool:
    first = values[0]
    if all(value is first for value in values):
        return True
    return isinstance(first, float) and all(value == first for value in values)
