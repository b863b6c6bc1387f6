"""What all callers of one server share: its concurrency limit, its gate, its rates."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hyperfunc.errors import ModelError, RateLimited

from .aimd import ConcurrencyLimit
from .rates import Allowance, Bucket, allowances

__all__ = ["Endpoint", "Limits", "Permit", "endpoint_for"]

_PROCESS_MOST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server may be asked for.

    Args:
        concurrency: requests in flight, at least 1; the endpoint adapts below it.
        requests_per_minute: above 0; ``None`` for no limit of ours.
        tokens_per_minute: prompt and completion together, above 0; ``None`` for no limit of ours.
    """

    concurrency: int = _PROCESS_MOST
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    def __post_init__(self) -> None:
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and value > 0):
                raise ModelError(f"limits: {name} is {value!r}; give a number above 0")


@dataclass(slots=True)
class Permit:
    """Leave to have one request in flight."""

    tokens: float
    admitted: bool = False


@dataclass(eq=False, slots=True)
class _Waiter:
    permit: Permit
    future: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop
    patience_s: float


class Endpoint:
    """The door of one server. Callers of all event loops and threads pass it in the order they came; whoever
    has to ask again has come before.

    Args:
        name: shown in errors; its URL.
        limits: see :class:`Limits`.
        clock: seconds, for tests.

    Attributes:
        flying: requests in flight.
    """

    def __init__(
        self, name: str, limits: Limits | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        limits = limits or Limits()
        self.name = name
        self.flying = 0
        self.limit = ConcurrencyLimit(int(limits.concurrency), clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiters: deque[_Waiter] = deque()
        self._timer: tuple[asyncio.AbstractEventLoop, float] | None = None
        self._opens = 0.0
        now = clock()
        rpm, tpm = limits.requests_per_minute, limits.tokens_per_minute
        self._requests = Bucket(rpm, now) if rpm else None
        self._tokens = Bucket(tpm, now) if tpm else None
        self._left = {"requests": Allowance(), "tokens": Allowance()}
        self._told = False

    async def enter(self, tokens: float, patience_s: float, *, again: bool = False) -> Permit:
        """Wait for leave to send one request. It must be given back with :meth:`leave`.

        Args:
            tokens: that the request will probably take.
            patience_s: seconds that may be spent before a closed gate.
            again: the request was let in before, and had no answer; it comes first.

        Raises:
            RateLimited: the gate stays closed for longer.
        """
        permit = Permit(tokens)
        with self._lock:
            now = self._clock()
            if self._opens - now > patience_s:
                raise self._too_long(now, patience_s)
            if (again or not self._waiters) and self._wait_s(now, permit) == 0.0:
                self._admit(permit, now)
                return permit
            loop = asyncio.get_running_loop()
            waiter = _Waiter(permit, loop.create_future(), loop, patience_s)
            if again:
                self._waiters.appendleft(waiter)
            else:
                self._waiters.append(waiter)
            self._pump()
        try:
            await waiter.future
        except BaseException:
            with self._lock:
                if permit.admitted:
                    # It was let in at the moment it was cut off.
                    self.flying -= 1
                else:
                    with contextlib.suppress(ValueError):
                        self._waiters.remove(waiter)
                if self._timer is not None and self._timer[0] is loop:
                    # The loop may be about to close, and others wait for its timer.
                    self._timer = None
                self._pump()
            raise
        return permit

    def leave(self, permit: Permit, used: float | None = None) -> None:
        """The request is over.

        Args:
            permit: what :meth:`enter` gave.
            used: tokens that it took, when they are known.
        """
        with self._lock:
            self.flying -= 1
            if self._tokens is not None and used is not None:
                self._tokens.take(used - permit.tokens)
            if self._waiters:
                self._pump()

    def close_gate(self, seconds: float) -> None:
        """Let nobody in for so long: a server said so."""
        with self._lock:
            now = self._clock()
            self._opens = max(self._opens, now + seconds)
            closed = self._opens - now
            for waiter in [w for w in self._waiters if w.patience_s < closed]:
                self._waiters.remove(waiter)
                _on(waiter.loop, _settle, waiter.future, self._too_long(now, waiter.patience_s))

    def heard(self, headers: Mapping[str, str], permit: Permit) -> None:
        """Take note of what a server says about its rates."""
        found = allowances(headers)
        if not found:
            return
        with self._lock:
            now = self._clock()
            self._told = True
            for kind, (left, reset_s) in found.items():
                unit = 1.0 if kind == "requests" else permit.tokens
                self._left[kind].told(now, left, reset_s, (self.flying - 1) * unit)

    def told(self, kind: str, left: float, reset_s: float) -> None:
        """Note that at most so many ``"requests"`` or ``"tokens"`` are left until the reset, in seconds.

        For callers that do not say when a request is over: all that they were granted counts as used.
        """
        with self._lock:
            self._told = True
            self._left[kind].told(self._clock(), left, reset_s, float("inf"))

    def tighten(self, limits: Limits) -> None:
        """Hold these limits too, as far as they are stricter."""
        with self._lock:
            now = self._clock()
            self.limit.at_most(int(limits.concurrency))
            self._requests = _stricter(self._requests, limits.requests_per_minute, now)
            self._tokens = _stricter(self._tokens, limits.tokens_per_minute, now)
            self._pump()

    def pace(self, requests_per_minute: float, tokens_per_minute: float) -> None:
        """Go on at other rates."""
        with self._lock:
            now = self._clock()
            for bucket, rate in ((self._requests, requests_per_minute), (self._tokens, tokens_per_minute)):
                if bucket is not None:
                    bucket.pace(rate, now)
            self._pump()

    def _too_long(self, now: float, patience_s: float) -> RateLimited:
        return RateLimited(
            f"{self.name} asks to wait {self._opens - now:.0f} s, longer than the {max(0.0, patience_s):.0f} "
            "s that a request may still take; try later, or raise its deadline"
        )

    def _wait_s(self, now: float, permit: Permit) -> float:
        """Seconds until the next one may go; infinite when that depends on somebody leaving."""
        if self.flying >= self.limit.whole:
            return float("inf")
        wait = max(0.0, self._opens - now)
        if self._requests is not None:
            wait = max(wait, self._requests.wait(now))
        if self._tokens is not None:
            wait = max(wait, self._tokens.wait(now, permit.tokens))
        if self._told:
            wait = max(wait, self._left["requests"].wait(now, 1.0))
            wait = max(wait, self._left["tokens"].wait(now, permit.tokens))
        return wait

    def _admit(self, permit: Permit, now: float) -> None:
        self.flying += 1
        permit.admitted = True
        self.limit.entered(self.flying, now)
        if self._requests is not None:
            self._requests.take()
        if self._tokens is not None:
            self._tokens.take(permit.tokens)
        if self._told:
            self._left["requests"].take(1.0)
            self._left["tokens"].take(permit.tokens)

    def _pump(self) -> None:
        """Let in whoever may go; have someone look again when the rest may. Called under the lock."""
        while self._waiters:
            waiter = self._waiters[0]
            if waiter.future.done() or waiter.loop.is_closed():
                self._waiters.popleft()
                continue
            now = self._clock()
            wait = self._wait_s(now, waiter.permit)
            if wait > 0.0:
                if wait != float("inf"):
                    self._look_again(waiter.loop, now, wait)
                return
            self._waiters.popleft()
            self._admit(waiter.permit, now)
            _on(waiter.loop, _settle, waiter.future, None)

    def _look_again(self, loop: asyncio.AbstractEventLoop, now: float, wait: float) -> None:
        """Ring when the wait is over, in the loop of the one who is next."""
        due = now + wait
        if self._timer is not None:
            where, when = self._timer
            if not where.is_closed() and when <= due:
                return
        self._timer = (loop, due)
        _on(loop, loop.call_later, wait, self._ring, due)

    def _ring(self, due: float) -> None:
        with self._lock:
            if self._timer is not None and self._timer[1] == due:
                self._timer = None
            self._pump()


def _stricter(bucket: Bucket | None, per_minute: float | None, now: float) -> Bucket | None:
    if per_minute is None:
        return bucket
    if bucket is None:
        return Bucket(per_minute, now)
    if per_minute < bucket.per_minute:
        bucket.pace(per_minute, now)
    return bucket


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _on(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    """Make a call in a loop: at once in the running one."""
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is loop:
        call(*args)
        return
    # A loop that was closed meanwhile has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


_endpoints: dict[tuple[str, str], Endpoint] = {}
_endpoints_lock = threading.Lock()


def endpoint_for(name: str, limits: Limits | None = None, *, account: str = "") -> Endpoint:
    """The endpoint of a server and an account, the same for everyone in the process.

    Args:
        name: of the server; its URL.
        limits: of whoever asks; of several, the strictest holds.
        account: tells apart who is asked for; never shown.
    """
    with _endpoints_lock:
        found = _endpoints.get((name, account))
        if found is None:
            found = _endpoints[name, account] = Endpoint(name, limits)
        elif limits is not None:
            found.tighten(limits)
        return found
