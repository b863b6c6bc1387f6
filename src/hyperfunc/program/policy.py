"""The runtime policy of a hyperfunction: time limits, retries with backoff, and what is retried.

What Python can cut off is cut off: an ``async def`` call is cancelled, a sync call with a time limit
runs in a daemon thread that is abandoned. An abandoned thread cannot be killed; it keeps its core
until its function returns, and whatever it returns then is dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from hyperfunc.errors import BudgetError, CallError, CallTimeout

__all__ = ["Policy", "run_async", "run_sync", "run_thread"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """How calls of one function are run.

    Args:
        retries: further attempts after a failed one, at least 0.
        timeout_s: seconds one attempt may take, or ``None``.
        max_calls: calls allowed in one lane, or ``None``.
        blocking: a sync function that waits; it runs in a thread while other lanes go on.
        backoff_s: first pause between attempts; it doubles, with full jitter, up to 30 s.
    """

    retries: int = 0
    timeout_s: float | None = None
    max_calls: int | None = None
    blocking: bool = False
    backoff_s: float = 0.1

    def pause(self, attempt: int) -> float:
        """Seconds to wait after failed attempt number ``attempt`` (from 0)."""
        # Jitter spreads callers in time only; it never reaches a result.
        return min(30.0, self.backoff_s * 2.0**attempt) * random.random()

    def gives_up(self, attempt: int, error: Exception) -> bool:
        """Whether this failure is final."""
        final = isinstance(error, BudgetError) or (
            isinstance(error, CallError) and not isinstance(error, CallTimeout)
        )
        return final or attempt >= self.retries


def _timed_out(name: str, policy: Policy) -> CallTimeout:
    return CallTimeout(f"{name} took longer than its timeout_s={policy.timeout_s}; it was cut off")


async def run_async(policy: Policy, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Await ``attempt()`` under a policy; cancellation always passes through."""
    for number in range(policy.retries + 1):
        try:
            if policy.timeout_s is None:
                return await attempt()
            limit = asyncio.timeout(policy.timeout_s)
            try:
                async with limit:
                    return await attempt()
            except TimeoutError as exc:
                if limit.expired():
                    raise _timed_out(name, policy) from exc
                raise
        except Exception as error:
            if policy.gives_up(number, error):
                raise
            await asyncio.sleep(policy.pause(number))
    raise AssertionError("unreachable")


def run_sync(policy: Policy, name: str, attempt: Callable[[], T]) -> T:
    """Call ``attempt()`` under a policy from synchronous code outside an evaluation."""
    for number in range(policy.retries + 1):
        try:
            if policy.timeout_s is None:
                return attempt()
            return _within(policy.timeout_s, attempt, name, policy)
        except Exception as error:
            if policy.gives_up(number, error):
                raise
            time.sleep(policy.pause(number))
    raise AssertionError("unreachable")


def _within(seconds: float, work: Callable[[], T], name: str, policy: Policy) -> T:
    box: list[tuple[Any, BaseException | None]] = []
    _start(work, lambda value, error: box.append((value, error))).join(seconds)
    if not box:
        raise _timed_out(name, policy)
    value, problem = box[0]
    if problem is not None:
        raise problem
    return value  # type: ignore[no-any-return]


async def run_thread(work: Callable[[], T]) -> T:
    """Run ``work`` in a daemon thread; a cancelled waiter leaves the thread behind.

    Args:
        work: called in a copy of the caller's context.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def report(value: Any, error: BaseException | None) -> None:
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            # The loop is gone: the call was abandoned, and nobody waits for it.
            return

    _start(work, report)
    return await future


def _start(
    work: Callable[[], Any], report: Callable[[Any, BaseException | None], object]
) -> threading.Thread:
    context = contextvars.copy_context()

    def body() -> None:
        try:
            value = context.run(work)
        except BaseException as error:  # carried to whoever waits
            report(None, error)
        else:
            report(value, None)

    thread = threading.Thread(target=body, name="hyperfunc-call", daemon=True)
    thread.start()
    return thread
