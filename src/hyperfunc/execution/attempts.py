"""The attempts at one call: awaited, in a thread or in place, with the retries its policy asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hyperfunc.program.binding import FRAME
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.program.policy import run_async, run_thread

from .hosting import Hosted, can_park
from .lanes import Lane

__all__ = ["attempts"]


def attempts(fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    """One call with its retries: awaited, in a thread, or in place."""
    if fn.is_async:
        one: Callable[[], Awaitable[Any]] = lambda: _start(fn, args, kwargs)  # noqa: E731
    elif fn.policy.blocking or fn.policy.timeout_s is not None:
        one = lambda: run_thread(lambda: fn.fn(*args, **kwargs))  # noqa: E731
    else:
        one = lambda: Hosted(_in_place(fn, args, kwargs))  # noqa: E731
    return one() if fn.plain else run_async(fn.policy, fn.name, _numbered(one))


def _numbered(one: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """Attempts in frames of their own, so that one that was cut off leaves no trace in the next."""
    first: Any = FRAME.get()
    made = 0

    def attempt() -> Awaitable[Any]:
        nonlocal made
        if made and first is not None:
            FRAME.set(first.again(made))
        made += 1
        return one()

    return attempt


def _start(fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    work = fn.fn(*args, **kwargs)
    lane: Lane | None = getattr(FRAME.get(), "lane", None)
    return Hosted(work) if lane is not None and lane.session.hosts and not can_park() else work


async def _in_place(fn: HyperFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn.fn(*args, **kwargs)
