"""One request, tried until it is answered: time limits, which failures are tried again, and the pauses."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from hyperfunc.errors import BadReply, ModelError, RateLimited, RequestTimeout

from .endpoint import Endpoint, Permit

__all__ = ["Answered", "Attempts", "Fault", "attempt", "unreadable"]

T = TypeVar("T")

# Of its own, so that the random numbers of a program stay as they are.
_JITTER = random.Random()
_LOAD = frozenset({429, 503, 529})
_UNREADABLE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How often and how long a request is tried.

    Args:
        timeout_s: seconds one attempt may take, waiting for its turn not included.
        deadline_s: seconds from the first attempt to the end, pauses included.
        tries: attempts at the most, at least 1.
        backoff_s: the most that the first pause may take; it doubles. Pauses have full jitter.
        longest_pause_s: where the doubling ends.

    Source: Brooker, Exponential Backoff and Jitter, AWS Architecture Blog (2015), for full jitter.
    """

    timeout_s: float = 60.0
    deadline_s: float = 600.0
    tries: int = 16
    backoff_s: float = 0.25
    longest_pause_s: float = 20.0

    def __post_init__(self) -> None:
        for name in ("timeout_s", "deadline_s", "tries"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and value > 0):
                raise ModelError(f"{name} is {value!r}; give a number above 0")

    def pause(self, number: int) -> float:
        """Seconds to wait after failed attempt ``number``, from 0."""
        most = min(self.longest_pause_s, self.backoff_s * 2.0 ** min(number, 30))
        # Jitter spreads callers in time only; it never reaches a result.
        return most * _JITTER.random()


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """What an attempt brought.

    Args:
        answer: of the server.
        completion: tokens that it wrote.
        tokens: prompt and completion, or ``None`` when unknown.
        goes_on: the request is not over yet, and whoever gets the answer gives the permit back.
    """

    answer: T
    completion: int = 0
    tokens: float | None = None
    goes_on: bool = False


class Fault(Exception):
    """One attempt failed; inside this package only.

    Args:
        error: what to raise when this was the last attempt.
        status: of the reply; 0 when there was none.
        again: whether another attempt may help.
        wait_s: what the server asks to wait.
        load: whether it says something about the load of the server.
        tries: attempts at the most that fail like this in a row; ``None`` for as many as there are.
    """

    def __init__(
        self, error: Exception, *, status: int = 0, again: bool = True, wait_s: float | None = None,
        load: bool = True,
        tries: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(str(error))
        self.error = error
        self.status = status
        self.again = again
        self.wait_s = wait_s
        self.load = load
        self.tries = tries


def unreadable(words: str) -> Fault:
    """The fault of a reply that cannot be read. It may have been paid for, so it is not asked for often."""
    return Fault(BadReply(words), load=False, tries=_UNREADABLE)


async def attempt(
    endpoint: Endpoint, attempts: Attempts, once: Callable[[Permit], Awaitable[Answered[T]]], tokens: float
) -> T:
    """Try a request until it is answered.

    Args:
        endpoint: whose limits it obeys.
        attempts: how often and how long.
        once: makes one attempt; raises :class:`Fault`.
        tokens: prompt and completion that the request will probably take.

    Raises:
        InfrastructureError: no attempt was answered.
        ModelError: the server does not accept the request.
    """
    ends: float | None = None
    fault: Fault | None = None
    number = alike = 0
    while True:
        left = attempts.deadline_s if ends is None else ends - time.monotonic()
        permit = await endpoint.enter(tokens, left, again=fault is not None)
        began = time.monotonic()
        if ends is None:
            # The deadline starts when the request first has its turn: a queue of ours is nobody's failure.
            ends = began + attempts.deadline_s
        if fault is not None and began >= ends:
            # Nothing can be answered in no time, and the server is not to blame for that.
            endpoint.leave(permit)
            raise fault.error from fault
        before, used, over = fault, None, True
        try:
            seconds = min(attempts.timeout_s, ends - began)
            answered = await _timed(endpoint, attempts, seconds, once, permit)
        except Fault as found:
            fault = found
            _learn(endpoint, fault)
        else:
            used, over = answered.tokens, not answered.goes_on
            if over:
                endpoint.limit.answered(endpoint.flying, time.monotonic() - began, answered.completion)
            return answered.answer
        finally:
            if over:
                endpoint.leave(permit, used)
        number += 1
        alike = alike + 1 if _alike(before, fault) else 1
        pause = _pause(endpoint, attempts, fault, number, alike, ends)
        if pause > 0.0:
            await asyncio.sleep(pause)


def _alike(before: Fault | None, fault: Fault) -> bool:
    return before is not None and (type(before.error), before.tries) == (type(fault.error), fault.tries)


async def _timed(
    endpoint: Endpoint,
    attempts: Attempts,
    seconds: float,
    once: Callable[[Permit], Awaitable[Answered[T]]],
    permit: Permit,
) -> Answered[T]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await once(permit)
    except TimeoutError as exc:
        if not limit.expired():
            raise
        most, name = attempts.timeout_s, "timeout_s"
        if seconds < most:
            most, name = attempts.deadline_s, "deadline_s"
        error = RequestTimeout(
            f"{endpoint.name} did not answer within {most:g} s; "
            f"see whether it is overloaded, or raise {name} for this model"
        )
        raise Fault(error) from exc


def _learn(endpoint: Endpoint, fault: Fault) -> None:
    """What a failed attempt says about the server."""
    if fault.wait_s is not None:
        endpoint.close_gate(fault.wait_s)
    if not fault.load:
        return
    if fault.status in _LOAD:
        endpoint.limit.throttled()
    else:
        endpoint.limit.failed()


def _pause(
    endpoint: Endpoint, attempts: Attempts, fault: Fault, number: int, alike: int, ends: float
) -> float:
    """Seconds before the next attempt, after ``number`` of them, the last ``alike`` of which failed alike.

    Raises:
        Exception: of the fault, when there is no next attempt.
    """
    if not fault.again or number >= attempts.tries or alike >= (fault.tries or attempts.tries):
        raise fault.error from fault
    left = ends - time.monotonic()
    if fault.wait_s is not None:
        if fault.wait_s > left:
            raise RateLimited(
                f"{endpoint.name} asks to wait {fault.wait_s:.0f} s, longer than the {left:.0f} s that the "
                "request may still take; try later, or raise its deadline"
            ) from fault
        if fault.wait_s >= attempts.backoff_s:
            # The gate is the pause, and it is shared.
            return 0.0
    pause = attempts.pause(number - 1)
    if pause >= left:
        raise fault.error from fault
    return pause
