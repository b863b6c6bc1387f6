"""``AdaptiveRateLimiter``: requests and tokens per minute for clients that do not adapt by themselves."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from hyperfunc.errors import ModelError

if TYPE_CHECKING:
    from .http.endpoint import Endpoint

__all__ = ["AdaptiveRateLimiter"]

_PLACES = 1 << 30
_DECREASE = 0.5
_INCREASE = 0.01
_LEAST_SHARE = 0.05


@dataclass(eq=False, slots=True)
class _Door:
    """One endpoint, and what was learnt about it."""

    endpoint: Endpoint
    requests: float
    tokens: float
    share: float = 1.0
    closed_until: float = -math.inf
    backoff_s: float = 0.0
    counts: dict[str, int] = field(
        default_factory=lambda: {"acquired": 0, "succeeded": 0, "rate_limited": 0, "tokens": 0}
    )


@final
class AdaptiveRateLimiter:
    """Spaces requests so that a server's limits per minute hold, and slows down when it says so.

    Requests go in the order they came, a second's worth at once and then evenly spaced, each endpoint
    apart: servers cut a limit per minute into seconds, too. A 429 halves the rate and closes
    the endpoint for everyone: for as long as the server asks, else for a pause that doubles with each 429.
    Each success gives a hundredth of the full rate back (additive increase, multiplicative decrease). Rate
    headers override the defaults: a limit becomes the full rate, and what is left until a reset is not
    exceeded.

    One limiter serves any number of event loops and threads; nobody holds a lock while waiting. The clients
    of this package adapt by themselves and need none; :class:`~hyperfunc.llm.middleware.Limited` puts one
    before a client of your own.

    Args:
        default_requests_per_minute: of an endpoint that has not said its own, above 0.
        default_tokens_per_minute: as above, for tokens.
        initial_backoff_seconds: the pause after a first 429 without Retry-After, above 0.
        max_backoff_seconds: the longest such pause.
        backoff_multiplier: what the pause grows by with each further 429, at least 1.
        safety_margin: share of a limit that is used, in (0, 1].
        clock: seconds that never go back, for tests.

    Raises:
        ModelError: a number out of its range.

    Example::

        limiter = AdaptiveRateLimiter(default_requests_per_minute=600)
        await limiter.acquire("api.example.org", est_tokens=300)
        reply = await send()
        if reply.status == 429:
            limiter.record_429("api.example.org", retry_after=reply.headers.get("retry-after"))
        else:
            limiter.update_from_headers("api.example.org", reply.headers)
    """

    def __init__(
        self,
        default_requests_per_minute: float = 60,
        default_tokens_per_minute: float = 90_000,
        initial_backoff_seconds: float = 1.0,
        max_backoff_seconds: float = 60.0,
        backoff_multiplier: float = 2.0,
        safety_margin: float = 0.9,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, value, good in (
            ("default_requests_per_minute", default_requests_per_minute, default_requests_per_minute > 0),
            ("default_tokens_per_minute", default_tokens_per_minute, default_tokens_per_minute > 0),
            ("initial_backoff_seconds", initial_backoff_seconds, initial_backoff_seconds > 0),
            ("max_backoff_seconds", max_backoff_seconds, max_backoff_seconds >= initial_backoff_seconds),
            ("backoff_multiplier", backoff_multiplier, backoff_multiplier >= 1),
            ("safety_margin", safety_margin, 0 < safety_margin <= 1),
        ):
            if not good:
                raise ModelError(f"{name}={value!r} is out of range: see AdaptiveRateLimiter")
        self._requests = float(default_requests_per_minute)
        self._tokens = float(default_tokens_per_minute)
        self._first_s = initial_backoff_seconds
        self._longest_s = max_backoff_seconds
        self._multiplier = backoff_multiplier
        self._margin = safety_margin
        self._clock = clock
        self._lock = threading.Lock()
        self._doors: dict[str, _Door] = {}

    async def acquire(self, endpoint: str = "default", est_tokens: float = 0) -> float:
        """Wait until one request may be sent.

        Args:
            endpoint: any name; each has limits of its own.
            est_tokens: that the request will take, prompt and completion; more than a second's worth goes
                when the endpoint has been quiet, and those after it wait the longer.

        Returns:
            Seconds waited.
        """
        if not 0 <= est_tokens < math.inf:
            raise ModelError(f"est_tokens={est_tokens!r}: give a finite number of at least 0")
        door = self._door(endpoint)
        began = self._clock()
        permit = await door.endpoint.enter(float(est_tokens), math.inf)
        # Only rates are limited here; how many are in flight is the caller's affair.
        door.endpoint.leave(permit)
        with self._lock:
            door.counts["acquired"] += 1
            door.counts["tokens"] += int(est_tokens)
        return self._clock() - began

    def update_from_headers(self, endpoint: str, headers: Mapping[str, str]) -> None:
        """Take note of ``x-ratelimit-*`` headers of an answer; it counts as a success.

        Args:
            endpoint: as for :meth:`acquire`.
            headers: case does not matter; what cannot be read is taken as not said.
        """
        from .http.rates import allowances

        given = {name.lower(): str(value) for name, value in headers.items()}
        door = self._door(endpoint)
        with self._lock:
            door.requests = _limit(given, "requests") or door.requests
            door.tokens = _limit(given, "tokens") or door.tokens
        for kind, (left, reset_s) in allowances(given).items():
            door.endpoint.told(kind, left, reset_s)
        self.record_success(endpoint)

    def record_429(self, endpoint: str = "default", retry_after: float | str | None = None) -> float:
        """The server refused a request because there were too many.

        Args:
            endpoint: as for :meth:`acquire`.
            retry_after: seconds, or the header's text; ``None`` when it did not say.

        Returns:
            Seconds for which the endpoint is closed from now on.
        """
        from .http.rates import retry_after as read

        asked = None if retry_after is None else read({"retry-after": str(retry_after)})
        door = self._door(endpoint)
        with self._lock:
            now = self._clock()
            door.counts["rate_limited"] += 1
            if now >= door.closed_until:
                # Refusals of one burst are one piece of news.
                door.share = max(_LEAST_SHARE, door.share * _DECREASE)
                grown = door.backoff_s * self._multiplier or self._first_s
                door.backoff_s = min(self._longest_s, grown)
            pause = door.backoff_s if asked is None else asked
            door.closed_until = max(door.closed_until, now + pause)
            closed = door.closed_until - now
        door.endpoint.close_gate(closed)
        self._pace(door)
        return closed

    def record_success(self, endpoint: str = "default") -> None:
        """The server answered."""
        door = self._door(endpoint)
        with self._lock:
            door.counts["succeeded"] += 1
            if self._clock() >= door.closed_until:
                door.share = min(1.0, door.share + _INCREASE)
                door.backoff_s = 0.0
        self._pace(door)

    def get_stats(self, endpoint: str | None = None) -> dict[str, Any]:
        """What was counted, and the rates that hold now: of one endpoint, or of all by name."""
        with self._lock:
            doors = dict(self._doors)
        if endpoint is None:
            return {name: self._stats(door) for name, door in doors.items()}
        return self._stats(doors[endpoint]) if endpoint in doors else {}

    def reset(self, endpoint: str | None = None) -> None:
        """Forget what was learnt about one endpoint, or about all; whoever waits goes on by the old rates."""
        with self._lock:
            if endpoint is None:
                self._doors.clear()
            else:
                self._doors.pop(endpoint, None)

    def _stats(self, door: _Door) -> dict[str, Any]:
        with self._lock:
            rate = self._margin * door.share
            return {
                **door.counts,
                "requests_per_minute": door.requests * rate,
                "tokens_per_minute": door.tokens * rate,
                "closed_for_seconds": max(0.0, door.closed_until - self._clock()),
            }

    def _door(self, name: str) -> _Door:
        from .http.endpoint import Endpoint, Limits

        with self._lock:
            door = self._doors.get(name)
            if door is None:
                limits = Limits(
                    concurrency=_PLACES,
                    requests_per_minute=self._requests * self._margin,
                    tokens_per_minute=self._tokens * self._margin,
                )
                endpoint = Endpoint(name, limits, clock=self._clock)
                door = self._doors[name] = _Door(endpoint, self._requests, self._tokens)
            return door

    def _pace(self, door: _Door) -> None:
        with self._lock:
            rate = self._margin * door.share
            requests, tokens = door.requests * rate, door.tokens * rate
        door.endpoint.pace(requests, tokens)


def _limit(headers: Mapping[str, str], kind: str) -> float | None:
    try:
        value = float(headers.get(f"x-ratelimit-limit-{kind}", ""))
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
