"""The runtime policy of a hyperfunction: time limits, retries with backoff, and what is retried.

What Python can cut off is cut off: an ``async def`` call is cancelled, a sync call with a time limit
runs in a daemon thread that is abandoned. An abandoned thread cannot be killed; it keeps its core
until its function returns, and whatever it returns then is dropped. ``docs/runtime-policy.md`` lists
the guarantees and their limits.
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

from hyperfunc.errors import (
    BadAnswer,
    BudgetError,
    CallError,
    CallLimit,
    CallTimeout,
    KeyRefused,
    ModelError,
    ProgramError,
    QuotaExhausted,
)

__all__ = ["Policy", "count_call", "run_async", "run_sync", "run_thread"]

T = TypeVar("T")

_LONGEST_PAUSE_S = 30.0
_JITTER = random.Random()
_FINAL = (BudgetError, CallError, ProgramError, ModelError, KeyRefused, QuotaExhausted)
_NOT_FINAL = (CallTimeout, BadAnswer)


@dataclass(frozen=True, slots=True)
class Policy:
    """How calls of one function are run.

    Args:
        retries: further attempts after a failed one, at least 0.
        timeout_s: seconds one attempt may take, above 0, or ``None``.
        max_calls: calls allowed in one lane, at least 1, or ``None``.
        blocking: a sync function that waits; it runs in a thread while other lanes go on.
        backoff_s: first pause between attempts, at least 0; it doubles, with full jitter, up to 30 s.
        retry_on: which exceptions are tried again. Never tried again, whatever is said here, is what
            asking again cannot change: budgets and limits, a wrong program, an unknown model or a request
            that it refuses, a refused key, an empty account. Nor is what is no ``Exception``:
            cancellation, ``KeyboardInterrupt``, ``SystemExit``.
        max_calls_per_run: calls really made in one evaluation or one optimisation, at least 1, or
            ``None``; the run ends there, as with a budget.

    Raises:
        ProgramError: a number out of its range, or a ``retry_on`` that is no exception type.
    """

    retries: int = 0
    timeout_s: float | None = None
    max_calls: int | None = None
    blocking: bool = False
    backoff_s: float = 0.1
    retry_on: type[Exception] | tuple[type[Exception], ...] = Exception
    max_calls_per_run: int | None = None

    def __post_init__(self) -> None:
        _check_count("retries", self.retries, 0)
        for name in ("max_calls", "max_calls_per_run"):
            if getattr(self, name) is not None:
                _check_count(name, getattr(self, name), 1)
        if self.timeout_s is not None and not 0 < self.timeout_s < float("inf"):
            raise ProgramError(f"timeout_s={self.timeout_s!r}: give seconds above 0, or None for no limit")
        if not 0 <= self.backoff_s < float("inf"):
            raise ProgramError(f"backoff_s={self.backoff_s!r}: give seconds of at least 0")
        given: object = self.retry_on
        kinds = given if isinstance(given, tuple) else (given,)
        for kind in kinds:
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                raise ProgramError(
                    f"retry_on={kind!r}: give subclasses of Exception; cancellation, KeyboardInterrupt and "
                    "SystemExit always pass through"
                )

    @property
    def counts(self) -> bool:
        """Whether calls are counted."""
        return self.max_calls is not None or self.max_calls_per_run is not None

    def pause(self, attempt: int) -> float:
        """Seconds to wait after failed attempt number ``attempt`` (from 0)."""
        # Jitter spreads callers in time only; the program's own random numbers stay as they are.
        return min(_LONGEST_PAUSE_S, self.backoff_s * 2.0 ** min(attempt, 64)) * _JITTER.random()

    def gives_up(self, attempt: int, error: Exception) -> bool:
        """Whether this failure is final."""
        final = isinstance(error, _FINAL) and not isinstance(error, _NOT_FINAL)
        return final or attempt >= self.retries or not isinstance(error, self.retry_on)


def count_call(made: dict[str, int], name: str, policy: Policy) -> None:
    """Count a call of one lane against ``max_calls``; attempts are no calls of their own.

    Args:
        made: calls so far, by function.
        name: of the function.
        policy: of the function.

    Raises:
        CallLimit: there were enough.
    """
    now = made[name] = made.get(name, 0) + 1
    if policy.max_calls is not None and now > policy.max_calls:
        raise CallLimit(f"{name} was called more than max_calls={policy.max_calls} times in one lane")


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ProgramError(f"{name}={value!r}: give a whole number of at least {least}")


def _timed_out(name: str, policy: Policy) -> CallTimeout:
    return CallTimeout(f"{name} took longer than its timeout_s={policy.timeout_s}; it was cut off")


async def run_async(policy: Policy, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Await ``attempt()`` under a policy; cancellation always passes through."""
    task = asyncio.current_task()
    asked = task.cancelling() if task is not None else 0
    for number in range(policy.retries + 1):
        try:
            return await (attempt() if policy.timeout_s is None else _cut_off(policy, name, attempt))
        except Exception as error:
            if task is not None and task.cancelling() > asked:
                # The function made another error of its cancellation; a cancelled task never runs again.
                raise asyncio.CancelledError from error
            if policy.gives_up(number, error):
                raise
            await asyncio.sleep(policy.pause(number))
    raise AssertionError("unreachable")


async def _cut_off(policy: Policy, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """One attempt under the time limit; what a function makes of being cut off changes nothing."""
    limit = asyncio.timeout(policy.timeout_s)
    try:
        async with limit:
            value = await attempt()
    except Exception as error:
        if limit.expired():
            raise _timed_out(name, policy) from error
        raise
    if limit.expired():
        raise _timed_out(name, policy)
    return value


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
        elif isinstance(error, StopIteration):
            # A future refuses it, and whoever waits would wait for ever.
            future.set_exception(RuntimeError("a function in a thread raised StopIteration"))
        else:
            future.set_exception(error)

    def report(value: Any, error: BaseException | None) -> None:
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            # The loop is gone: the call was abandoned, and nobody waits for it.
            return

    def wanted() -> T:
        if future.cancelled():
            # It was given up before its thread came to run.
            raise CallError("the call was given up before it began")
        return work()

    _start(wanted, report)
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
