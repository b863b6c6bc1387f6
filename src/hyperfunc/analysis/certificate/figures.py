"""The figures of a certificate, from scores alone: whoever has the scores can make them again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.evaluation.statistics import Interval, mean_interval, paired_interval, student_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FEW_GROUPS",
    "LEVEL",
    "Figures",
    "Pair",
    "figures_of",
    "figures_of_resamples",
    "interval_of_json",
    "spread_of",
]

LEVEL = 0.95
FEW_GROUPS = 10
"""Below this many, intervals are widened."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One held-out example under the start and under the winner.

    Args:
        example: its content key, or a number where it has none.
        group: examples of one group rise and fall together.
        weight: how much it counts, positive.
        start, winner: scores; ``None`` when only the set is scored.
    """

    example: str
    group: str
    weight: float
    start: float | None
    winner: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is claimed.

    Args:
        start, winner: their scores on the held-out examples.
        gain: of the winner over the start, paired by example.
        examples: how many both were scored on.
        groups: how many independent groups these belong to.
    """

    start: Interval
    winner: Interval
    gain: Interval
    examples: int
    groups: int


def figures_of(pairs: Sequence[Pair], seed: int) -> Figures:
    """Figures of a metric of single examples.

    Args:
        pairs: at least one, all of them with scores.
        seed: of the resampling.

    Example::

        >>> pairs = [Pair(str(n), str(n), 1.0, 0.0, float(n % 2)) for n in range(20)]
        >>> figures_of(pairs, seed=0).gain.estimate
        0.5
    """
    start_N = np.array([pair.start for pair in pairs], np.float64)
    winner_N = np.array([pair.winner for pair in pairs], np.float64)
    groups, weights = [pair.group for pair in pairs], [pair.weight for pair in pairs]
    return Figures(
        start=mean_interval(start_N, groups=groups, weights=weights, level=LEVEL, seed=seed),
        winner=mean_interval(winner_N, groups=groups, weights=weights, level=LEVEL, seed=seed),
        gain=paired_interval(winner_N - start_N, groups=groups, weights=weights, level=LEVEL, seed=seed),
        examples=len(pairs),
        groups=len(set(groups)),
    )


def figures_of_resamples(
    pairs: Sequence[Pair], values: tuple[float, float], resamples: Sequence[tuple[float, float]]
) -> Figures:
    """Figures of a metric over sets, whose values on resampled sets are known.

    Args:
        pairs: the examples.
        values: of start and winner on all of them.
        resamples: of start and winner on sets of groups drawn with replacement.
    """
    start, winner = values
    groups = len({pair.group for pair in pairs})
    drawn_R2 = np.asarray(resamples, np.float64).reshape(-1, 2)
    return Figures(
        start=spread_of(drawn_R2[:, 0], start, groups),
        winner=spread_of(drawn_R2[:, 1], winner, groups),
        gain=spread_of(drawn_R2[:, 1] - drawn_R2[:, 0], winner - start, groups),
        examples=len(pairs),
        groups=groups,
    )


def spread_of(values_R: NDArray[np.float64], estimate: float, groups: int) -> Interval:
    """The interval of a value over a set, from its values on resampled sets.

    Percentiles; with few groups, which resample too narrowly, Student's t with the bootstrap's error.

    Args:
        values_R: values on sets of groups drawn with replacement; those that are not finite do not count.
        estimate: the value on all of them.
        groups: how many independent groups there are.
    """
    finite = values_R[np.isfinite(values_R)]
    if groups < 2 or not len(finite):
        return Interval(math.nan, math.nan, estimate, LEVEL, "one group")
    tail = (1 - LEVEL) / 2
    if groups < FEW_GROUPS:
        error = float(finite.std()) * math.sqrt(groups / (groups - 1))
        reach = student_quantile(1 - tail, groups - 1) * error
        return Interval(estimate - reach, estimate + reach, estimate, LEVEL, "Student t, bootstrap error")
    low, high = np.quantile(finite, (tail, 1 - tail))
    return Interval(float(low), float(high), estimate, LEVEL, "percentile bootstrap")


def interval_of_json(row: Mapping[str, Any]) -> Interval:
    """An interval from JSON, which has no NaN: a set that cannot be judged has none for its ends."""
    ends = {name: math.nan if row[name] is None else row[name] for name in ("low", "high", "estimate")}
    return Interval(**ends, level=row["level"], method=row["method"])
