"""Held-out score as a step function of metric calls or seconds, and what is read off it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HORIZON", "Curve", "Spread", "spread"]

HORIZON = 2000
"""Metric calls of a run."""


@dataclass(frozen=True)
class Curve:
    """What would have been shipped, as a run goes on.

    Args:
        steps: (metric calls, seconds, held-out score) at each change, in order; the first at no calls.
        oracle: the held-out score of all rules without decoys.
    """

    steps: tuple[tuple[int, float, float], ...]
    oracle: float

    def at(self, calls: int) -> float:
        """The score after so many metric calls."""
        return next(score for known, _, score in reversed(self.steps) if known <= calls)

    @property
    def area(self) -> float:
        """Mean of the score over 0 to 2,000 metric calls."""
        ends = [*(min(calls, HORIZON) for calls, _, _ in self.steps[1:]), HORIZON]
        pieces = zip(self.steps, ends, strict=True)
        return sum(score * max(end - calls, 0) for (calls, _, score), end in pieces) / HORIZON

    def calls_to(self, share: float) -> float:
        """Metric calls until a share of the oracle's score was reached; infinite when it never was."""
        return next((float(n) for n, _, score in self.steps if score >= share * self.oracle), math.inf)

    def seconds_to(self, share: float) -> float:
        """Likewise, in seconds."""
        return next((s for _, s, score in self.steps if score >= share * self.oracle), math.inf)


@dataclass(frozen=True)
class Spread:
    """Figures of several seeds: their mean with its standard error, and their median."""

    mean: float
    error: float
    median: float

    def __str__(self) -> str:
        return f"mean {self.mean:.3g}, se {self.error:.2g}"


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    finite = all(map(math.isfinite, values))
    error = statistics.stdev(values) / len(values) ** 0.5 if finite and len(values) > 1 else math.nan
    return Spread(statistics.fmean(values), error, statistics.median(values))
