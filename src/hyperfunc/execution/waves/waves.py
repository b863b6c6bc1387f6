"""Waves: calls that benefit from company wait until nothing else can run, then go at once."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hyperfunc.execution.ambience import surroundings
from hyperfunc.execution.hosting import park
from hyperfunc.program.hyperfunction import HyperFunction

from .company import ALONE, Call
from .runners import Runner, runner_of

if TYPE_CHECKING:
    from hyperfunc.execution.frames import LaneFrame
    from hyperfunc.execution.lanes import Lane, Record

__all__ = ["ALONE", "Waves"]

_QUIET_TURNS = 8
_MANY = 256
_AWAY = "some calls are made inside of torch.vmap, grad, autocast or another mode of torch"
_STALL_S, _BUSY_STALL_S = 0.05, 0.5


class Waves:
    """The calls of one evaluation that wait for each other.

    A wave goes when every live lane waits for it and no other call is under way, so that batches do not
    depend on timing. What a program awaits besides its hyperfunctions cannot be seen; when nothing happens
    for a moment the wave goes without the lanes that wait for such things.

    Args:
        loop: of the evaluation.
        device: where batches of tensors run; see :func:`~hyperfunc.execution.runners.runner_of`.
        frugal: batch only what gains from it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, device: str = "auto", frugal: bool = False) -> None:
        self.loop = loop
        self.device = device
        self.frugal = frugal
        self._runners: dict[HyperFunction, Runner | None] = {}
        self._parked: list[Call] = []
        self._live = 0
        self._held = 0
        self._requests = 0
        self._records: set[Record] = set()
        self._following: dict[Lane, int] = {}
        self._changes = self._seen = self._quiet = 0
        self._turning = False
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self._usual = surroundings()

    @staticmethod
    def pay(functions: Sequence[HyperFunction], lanes: int) -> bool:
        """Whether it is likely enough that some calls of so many lanes gain from batches."""
        if any(fn.batched is not None for fn in functions):
            return lanes > 1
        return lanes >= _MANY and "torch" in sys.modules and any(fn.inline and fn.share for fn in functions)

    @property
    def report(self) -> dict[str, dict[str, Any]]:
        """What became of the calls, by function; see :class:`~hyperfunc.execution.company.Report`."""
        found = [r for r in self._runners.values() if r is not None and r.report.calls]
        return {runner.fn.name: runner.report.to_dict() for runner in found}

    # What lanes do

    def wants(self, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a call should wait for company."""
        try:
            runner = self._runners[fn]
        except KeyError:
            runner = self._runners[fn] = runner_of(fn, self.device, self.frugal)
        if runner is None or not runner.wants(args, kwargs):
            return False
        runner.report.calls += 1
        around = surroundings()
        # A program may be the first to import torch.
        self._usual = self._usual or around
        if around != self._usual:
            runner.report.fallback += 1
            runner.report.reason = runner.report.reason or _AWAY
            return False
        if runner.alone:
            runner.report.fallback += 1
            return False
        return True

    def join(
        self, frame: LaneFrame, fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any], place: Any
    ) -> Any:
        """Wait for a wave and return the call's result, or ``ALONE``; only where code can park."""
        if frame.record is not None:
            # Whoever waits holds no permit: what the others need to get here may need it.
            frame.record.give_back()
        call = Call(frame, fn, args, kwargs, place, self.loop.create_future())
        self._parked.append(call)
        self.stir()
        try:
            return park(call.future)
        except BaseException:
            call.future.cancel()
            self.stir()
            raise

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """While it lasts more lanes are about to start."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self.stir()

    @contextlib.contextmanager
    def idle(self) -> Iterator[None]:
        """Inside :meth:`holding`: while it lasts no more lanes start until one has ended."""
        self._held -= 1
        self.stir()
        try:
            yield
        finally:
            self._held += 1

    def lane_begins(self) -> None:
        """A lane has started."""
        self._live += 1
        self.stir()

    def lane_ends(self) -> None:
        """A lane has its cell."""
        self._live -= 1
        self.stir()

    def call_begins(self, record: Record) -> None:
        """A call that may have to wait is under way."""
        self._records.add(record)

    def call_ends(self, record: Record) -> None:
        """It has ended."""
        self._records.discard(record)
        self.stir()

    def request(self, change: int) -> None:
        """A model request begins (1) or ends (-1)."""
        self._requests += change
        self.stir()

    def follow(self, lane: Lane, change: int) -> None:
        """The lane waits for a call of another one (1), or no longer does (-1)."""
        self._following[lane] = self._following.get(lane, 0) + change
        if not self._following[lane]:
            del self._following[lane]
        self.stir()

    def close(self) -> None:
        """Nobody waits any more."""
        self._over = True
        self._parked.clear()
        self._stop_timer()

    # When a wave goes

    def stir(self) -> None:
        """Something has happened: look again when it has calmed down."""
        self._changes += 1
        if not self._turning and self._parked and not self._over:
            self._turning = True
            self.loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Once in every turn of the loop, until nothing has happened for some turns."""
        if self._changes != self._seen:
            self._seen, self._quiet = self._changes, 0
        else:
            self._quiet += 1
        if self._quiet < _QUIET_TURNS and not self._over:
            self.loop.call_soon(self._turn)
            return
        self._turning = False
        self._stop_timer()
        self._parked = [call for call in self._parked if call.waits]
        if not self._parked or self._over or self._held or self._requests:
            return
        busy = self._is_busy()
        if not busy and self._resting() >= self._live:
            self._go()
            return
        changes = self._changes
        self._timer = self.loop.call_later(_BUSY_STALL_S if busy else _STALL_S, self._stalled, changes)

    def _stalled(self, changes: int, turns: int = _QUIET_TURNS) -> None:
        """Nothing has happened for a while: some lanes wait for what cannot be seen, maybe for each other."""
        self._timer = None
        if changes != self._changes or not self._parked or self._over:
            return
        if turns:
            # Timers that are due as well come first.
            self.loop.call_soon(self._stalled, changes, turns - 1)
        else:
            self._go()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _resting(self) -> int:
        return len({call.frame.lane for call in self._parked} | self._following.keys())

    def _is_busy(self) -> bool:
        """Whether a call is under way that does not itself wait for a parked one."""
        around: set[Record] = set()
        for call in self._parked:
            _collect(call.frame.record, around)
        for record in self._records:
            _collect(record.parent, around)
        return not self._records <= around

    def _go(self) -> None:
        calls, self._parked = self._parked, []
        calls.sort(key=_order)
        waves: dict[HyperFunction, list[Call]] = {}
        for call in calls:
            waves.setdefault(call.fn, []).append(call)
        for fn, members in waves.items():
            runner = self._runners[fn]
            assert runner is not None
            _settle(runner.run, members)


def _order(call: Call) -> Any:
    return (call.frame.lane.number, call.place)


def _collect(record: Record | None, into: set[Record]) -> None:
    while record is not None and record not in into:
        into.add(record)
        record = record.parent


def _settle(run: Callable[[list[Call]], None], calls: list[Call]) -> None:
    try:
        run(calls)
    except Exception as error:
        # A fault of this library must reach somebody, and nobody may be left waiting.
        for call in calls:
            if call.waits:
                call.future.set_exception(error)
