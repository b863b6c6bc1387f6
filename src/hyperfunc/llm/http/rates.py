"""Requests and tokens per minute: our own buckets, and what servers say in ``x-ratelimit-*`` headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Allowance", "Bucket", "allowances", "retry_after"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_EPOCH = 1e9
_LONGEST = 86400.0


class Bucket:
    """At most ``per_minute`` units a minute, paced: it holds one second's worth at the most.

    What a request really took is booked afterwards; the bucket may go into debt for that.

    Args:
        per_minute: above 0.
        now: seconds of a monotonic clock.
    """

    __slots__ = ("_at", "_full", "_rate", "level")

    def __init__(self, per_minute: float, now: float) -> None:
        self._rate = per_minute / 60.0
        self._full = max(1.0, self._rate)
        self.level = self._full
        self._at = now

    def wait(self, now: float, units: float = 1.0) -> float:
        """Seconds until ``units`` may be taken; 0 when they may be taken now."""
        self.level = min(self._full, self.level + (now - self._at) * self._rate)
        self._at = now
        # More than the bucket holds passes when it is full, and is paid off as debt.
        missing = min(units, self._full) - self.level
        # A rest of rounding must not be waited for again and again.
        return missing / self._rate if missing > 1e-9 else 0.0

    def take(self, units: float = 1.0) -> None:
        """Take units, or give back with a negative number."""
        self.level -= units

    @property
    def per_minute(self) -> float:
        """The rate."""
        return self._rate * 60.0

    def pace(self, per_minute: float, now: float) -> None:
        """Go on at another rate."""
        self.wait(now)
        self._rate = per_minute / 60.0
        self._full = max(1.0, self._rate)
        self.level = min(self.level, self._full)


class Allowance:
    """What a server says is left of one of its limits until it is filled up again."""

    __slots__ = ("_left", "_until")

    def __init__(self) -> None:
        self._left = float("inf")
        self._until = 0.0

    def wait(self, now: float, units: float) -> float:
        """Seconds until ``units`` may be taken."""
        if now >= self._until:
            self._left = float("inf")
        return 0.0 if self._left >= units else self._until - now

    def take(self, units: float) -> None:
        """Take units."""
        self._left -= units

    def told(self, now: float, left: float, reset_s: float, unseen: float) -> None:
        """A server said what is left.

        Args:
            now: seconds of a monotonic clock.
            left: units.
            reset_s: seconds until the limit is full again.
            unseen: units in flight, which the server may or may not have counted.
        """
        if now >= self._until:
            self._left = float("inf")
        self._left = max(min(self._left, left), left - unseen)
        self._until = now + reset_s


def allowances(headers: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """``{"requests": (left, seconds until reset), "tokens": ...}`` as far as the headers say so."""
    found = {}
    for kind in ("requests", "tokens"):
        left = headers.get(f"x-ratelimit-remaining-{kind}")
        reset = headers.get(f"x-ratelimit-reset-{kind}")
        if left is None and kind == "requests":
            # OpenRouter counts requests only and does not say so.
            left, reset = headers.get("x-ratelimit-remaining"), headers.get("x-ratelimit-reset")
        if left is None or reset is None:
            continue
        seconds = duration(reset)
        try:
            number = float(left)
        except ValueError:
            continue
        if seconds is not None and number >= 0:
            found[kind] = (number, seconds)
    return found


def duration(text: str) -> float | None:
    """Seconds of ``"6m0s"``, ``"20ms"``, ``"1.5"`` or a Unix time; ``None`` when it is none of them.

    What is longer than a day is a day.
    """
    text = text.strip()
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return min(_LONGEST, sum(float(number) * _UNITS[unit] for number, unit in parts))
    try:
        value = float(text)
    except ValueError:
        return None
    if value >= _EPOCH:
        # A moment, in seconds or in milliseconds.
        value = (value / 1000.0 if value > 1e12 else value) - datetime.now(UTC).timestamp()
    return min(_LONGEST, max(0.0, value)) if value == value else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, from ``retry-after-ms`` or ``retry-after``; ``None`` when not."""
    milliseconds = headers.get("retry-after-ms")
    if milliseconds is not None:
        found = duration(milliseconds + "ms")
        if found is not None:
            return found
    text = headers.get("retry-after")
    if text is None:
        return None
    found = duration(text)
    if found is not None:
        return found
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(_LONGEST, max(0.0, (moment - datetime.now(UTC)).total_seconds()))
