"""Waiting inside synchronous code: a coroutine's steps run in a greenlet that can park.

A sync ``run`` and an ``async`` one go the same way. Async code waits by awaiting, sync code by
switching to whoever hosts its greenlet; the host awaits and switches back with the result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any

from greenlet import getcurrent, greenlet

from .ambience import Ambience, apart, outside

__all__ = ["Hosted", "can_park", "park"]

_PARKED, _YIELDED, _RETURNED = "parked", "yielded", "returned"


class _Step(greenlet):
    """A greenlet whose parent is a host.

    Attributes:
        outside: the host's modes of torch.
    """

    outside: Ambience | None = None


def can_park() -> bool:
    """Whether the running code may wait by switching."""
    return isinstance(getcurrent(), _Step)


def park(waiting: Awaitable[Any]) -> Any:
    """Hand ``waiting`` to the host and return its result; call only where :func:`can_park`."""
    step = getcurrent()
    assert isinstance(step, _Step)
    assert step.parent is not None
    switch = step.parent.switch
    return apart(step.outside, lambda: switch((_PARKED, waiting)))


class Hosted:
    """Awaitable that runs a coroutine so that sync code inside it may park.

    Args:
        work: the coroutine; not started yet.
    """

    __slots__ = ("_begun", "_work")

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self._begun: tuple[_Step, tuple[str, Any]] | None = None

    def begin(self, context: Context) -> tuple[bool, Any]:
        """Run up to the first point that waits, outside any task.

        Args:
            context: what the code runs in.

        Returns:
            ``(True, result)`` when it never had to wait, else ``(False, None)``: then await it.
        """
        step = self._step(context)
        state = step.switch(None, None)
        if state[0] is _RETURNED:
            return True, state[1]
        self._begun = (step, state)
        return False, None

    def close(self) -> None:
        """End work that nobody will await: what waits is cancelled, and the code's ``finally`` parts run."""
        if self._begun is None:
            self._work.close()
            return
        (step, state), self._begun = self._begun, None
        while state[0] is _PARKED:
            if hasattr(state[1], "close"):
                state[1].close()
            try:
                state = step.throw(asyncio.CancelledError())
            except BaseException:  # nobody is there to hear it
                return

    def _step(self, context: Context) -> _Step:
        step = _Step(self._advance)
        step.gr_context = context
        step.outside = outside()
        return step

    def _advance(self, value: Any, error: BaseException | None) -> tuple[str, Any]:
        try:
            out = self._work.send(value) if error is None else self._work.throw(error)
        except StopIteration as stop:
            return _RETURNED, stop.value
        return _YIELDED, out

    def __await__(self) -> Generator[Any, Any, Any]:
        value: Any = None
        error: BaseException | None = None
        while True:
            if self._begun is None:
                step = self._step(getcurrent().gr_context or copy_context())
                state = step.switch(value, error)
            else:
                step, state = self._begun
                self._begun = None
            while state[0] is _PARKED:
                try:
                    answer = yield from state[1].__await__()
                except BaseException as problem:  # goes on inside the sync code, cancellation included
                    state = step.throw(problem)
                else:
                    state = step.switch(answer)
            if state[0] is _RETURNED:
                return state[1]
            try:
                value, error = (yield state[1]), None
            except BaseException as problem:  # goes on inside the coroutine, cancellation included
                value, error = None, problem
