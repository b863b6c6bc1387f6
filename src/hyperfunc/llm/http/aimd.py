"""How many requests an endpoint may have in flight: additive increase, multiplicative decrease."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["ConcurrencyLimit"]

_PEAK_S = 10.0
_WINDOW_S = 1.0
_WINDOW_LEAST = 16
_SLOWER = 3.0
_SLOW_S = 1.0
_DRIFT = 1.05
_PROMPT_TOKENS = 32


class ConcurrencyLimit:
    """A limit that adapts to how a server answers.

    It starts at its most and is counted out per answer: a throttled answer takes half a place, a failed one
    a quarter, and a good one that came while the limit was reached gives ``1 / limit``. A whole round of
    throttled answers therefore halves the limit, a whole round of good ones adds one place, and occasional
    failures cost little.

    Latency is the third signal. Time per answer is compared with the best seen, both per completion token;
    when a second's answers took more than three times as long, and more than a second each, the server is
    queueing and the limit falls by a fifth.

    Args:
        most: places at the start, and never more, at least 1.
        clock: seconds, for tests.

    Source: Chiu and Jain, Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in
    Computer Networks (1989).
    """

    __slots__ = (
        "_base", "_clock", "_most", "_peak", "_peak_before", "_rotated", "_window_begin", "_window_n",
        "_window_s", "_window_share", "places",
    )  # fmt: skip

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.places = float(max(1, most))
        self._most = self.places
        self._clock = clock
        self._peak = self._peak_before = 0
        self._rotated = self._window_begin = clock()
        self._window_n = 0
        self._window_s = self._window_share = 0.0
        self._base: float | None = None

    @property
    def whole(self) -> int:
        """Requests that may be in flight now."""
        return int(self.places)

    def at_most(self, most: int) -> None:
        """Never more than so many from now on; a larger number changes nothing."""
        self._most = min(self._most, float(max(1, most)))
        self.places = min(self.places, self._most)

    def entered(self, flying: int, now: float) -> None:
        """A request was let in; ``flying`` counts it."""
        if now - self._rotated > _PEAK_S:
            self._peak_before, self._peak, self._rotated = self._peak, 0, now
        if flying > self._peak:
            self._peak = flying

    def throttled(self) -> None:
        """A server said that it gets too much."""
        self._cut(0.5, least=1.0)

    def failed(self) -> None:
        """A server failed, or did not answer in time."""
        self._cut(0.25, least=min(4.0, self._most))

    def _cut(self, by: float, least: float) -> None:
        # A limit that was never reached says nothing: what counts is what was really in flight.
        reached = max(self._peak, self._peak_before, 1)
        self.places = max(min(self.places, reached) - by, min(least, self.places))

    def answered(self, flying: int, seconds: float, tokens: int) -> None:
        """A good answer came.

        Args:
            flying: requests that were in flight, this one included.
            seconds: since it was sent.
            tokens: of its completion.
        """
        if flying >= self.places - 1:
            self.places = min(self._most, self.places + 1.0 / self.places)
        self._window_n += 1
        self._window_s += seconds
        self._window_share += seconds / (tokens + _PROMPT_TOKENS)
        now = self._clock()
        if now - self._window_begin >= _WINDOW_S and self._window_n >= _WINDOW_LEAST:
            self._judge_window(now)

    def _judge_window(self, now: float) -> None:
        mean, seconds = self._window_share / self._window_n, self._window_s / self._window_n
        self._window_begin, self._window_n, self._window_s, self._window_share = now, 0, 0.0, 0.0
        if self._base is None or mean < self._base:
            self._base = mean
            return
        # Shorter answers are slowed down by this process as much as by the server.
        if mean > _SLOWER * self._base and seconds > _SLOW_S:
            reached = max(self._peak, self._peak_before, 1)
            self.places = max(min(self.places, reached) * 0.8, min(4.0, self._most))
        # A job with longer prompts is slower for good; the base follows it.
        self._base *= _DRIFT
