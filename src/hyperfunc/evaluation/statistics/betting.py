"""Evidence about bounded means that may be looked at after every value, by betting against them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError

from .groups import check_level
from .intervals import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConfidenceSequence", "SequentialTest", "confidence_sequence", "log_capitals", "sequential_test"]

_STAKE = 0.5
"""The most of its capital that a bet may lose (c in the paper)."""


@dataclass(frozen=True, slots=True, eq=False)
class ConfidenceSequence:
    """Intervals after 1, 2, ..., T values that all hold the mean at once.

    Args:
        low_T, high_T: their ends; each interval lies inside the one before.
        mean_T: the mean of the values so far, which an interval need not hold.
        level: how often all intervals of such a sequence hold the truth, in (0, 1).
    """

    low_T: NDArray[np.float64]
    high_T: NDArray[np.float64]
    mean_T: NDArray[np.float64]
    level: float

    @property
    def last(self) -> Interval:
        """The interval after all values."""
        return Interval(
            float(self.low_T[-1]), float(self.high_T[-1]), float(self.mean_T[-1]), self.level, "betting"
        )


@dataclass(frozen=True, slots=True, eq=False)
class SequentialTest:
    """What paired differences say after 1, 2, ..., T values.

    Args:
        p_T: anytime-valid p-values; they only fall.
        capital_T: what a bettor against "no difference" who started with 1 holds (an e-value).
        level: that of the decision, in (0, 1).
        decided: how many values it took to decide, or None.
        winner: 1 when the first candidate is better, -1 when the second is, 0 while undecided.
    """

    p_T: NDArray[np.float64]
    capital_T: NDArray[np.float64]
    level: float
    decided: int | None
    winner: int


def confidence_sequence(
    values_T: ArrayLike,
    *,
    level: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
    resolution: int = 1000,
) -> ConfidenceSequence:
    r"""Intervals of the mean of bounded scores that stay valid however often one looks.

    A mean ``m`` is ruled out once a bettor against it, who started with 1, holds ``1 / (1 - level)``.
    Half of the money bets that the mean is above ``m``, half that it is below:
    ``max(K+_t(m), K-_t(m)) / 2`` with ``K+-_t(m) = prod_i (1 +- lambda_i(m) (x_i - m))``, the bets
    ``lambda_t = sqrt(2 log(2 / alpha) / (var_(t-1) t log(t + 1)))`` cut at ``c / m`` and ``c / (1 - m)``,
    and ``var`` the variance so far with one pretended value of mean 1/2 and variance 1/4.

    Values of one cluster (a prompt with repeats, a conversation) are not new evidence each: give
    :func:`cluster_means` and look after whole clusters only. The mean is then the one over clusters.

    Args:
        values_T: scores within ``bounds``, in the order they were seen, which must not depend on them.
        level: in (0, 1).
        bounds: the least and the greatest score possible, known beforehand; (-1, 1) for differences.
        resolution: means tried between the bounds; ends are rounded outwards to one of them.

    Returns:
        The sequence, each array of shape ``(T,)``.

    Raises:
        MetricError: no values, a value that is not within the bounds, or a wrong level or resolution.

    Example::

        >>> seen = confidence_sequence([1.0, 1.0, 0.0, 1.0] * 25)
        >>> bool(seen.low_T[-1] > 0.5), bool(seen.high_T[-1] < 0.95)
        (True, True)

    Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
    JRSS B 86 (2024), theorem 3 (hedged capital) with the predictable plug-in bets of section 4.
    """
    check_level(level)
    if resolution < 2:
        raise MetricError(f"resolution is {resolution!r}; give at least 2")
    floor, ceiling = bounds
    units_T = _units(values_T, bounds)
    if units_T.ndim != 1:
        raise MetricError(f"values_T needs one value per step, but has shape {units_T.shape}")
    low_T = _lower_ends(units_T, 1 - level, resolution)
    high_T = 1.0 - _lower_ends(1.0 - units_T, 1 - level, resolution)
    mean_T = np.cumsum(units_T) / np.arange(1, len(units_T) + 1)
    width = ceiling - floor
    return ConfidenceSequence(floor + width * low_T, floor + width * high_T, floor + width * mean_T, level)


def sequential_test(differences_T: ArrayLike, *, level: float = 0.95) -> SequentialTest:
    """A paired test of "both candidates are equally good" that may be looked at after every difference.

    Half of the money bets on each candidate, and the evidence is what both halves hold together.
    Stopping at the first ``p <= 1 - level`` is wrong in at most ``1 - level`` of all comparisons of equals.
    Differences of one cluster are not new evidence each: give :func:`cluster_means` of them and look
    after whole clusters only.

    Args:
        differences_T: score of one candidate minus score of the other on the same example, each in
            [-1, 1], in the order they were seen, which must not depend on them.
        level: in (0, 1); 0.95 decides at p <= 0.05.

    Returns:
        The test after each value, arrays of shape ``(T,)``.

    Raises:
        MetricError: no values, a value outside [-1, 1], or a wrong level.

    Example::

        >>> test = sequential_test([1.0, 0.0, 1.0, 1.0] * 10)
        >>> test.winner, test.decided is not None
        (1, True)

    Source: as :func:`confidence_sequence`, at the mean 1/2 of ``(1 + difference) / 2``; the p-value is
    Ville's inequality: Ramdas and others, "Game-theoretic statistics and safe anytime-valid inference",
    Stat. Sci. 38 (2023).
    """
    check_level(level)
    units_T = _units(differences_T, (-1.0, 1.0))
    if units_T.ndim != 1:
        raise MetricError(f"differences_T needs one value per step, but has shape {units_T.shape}")
    up_T, down_T = log_capitals(units_T, 0.5, level=level)
    held_T = np.logaddexp(up_T, down_T) - math.log(2)
    p_T = np.exp(-np.maximum(np.maximum.accumulate(held_T), 0.0))
    capital_T = np.exp(np.minimum(held_T, 700.0))
    reached = np.flatnonzero(p_T <= 1 - level)
    if not len(reached):
        return SequentialTest(p_T, capital_T, level, None, 0)
    first = int(reached[0])
    return SequentialTest(p_T, capital_T, level, first + 1, 1 if up_T[first] > down_T[first] else -1)


def log_capitals(
    units_T: NDArray[np.float64], mean: float, *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithms of what bettors on "above ``mean``" and on "below ``mean``" hold after each value.

    Args:
        units_T: scores in [0, 1], shape ``(..., T)``: leading axes are separate sequences.
        mean: that is bet against, in (0, 1).
        level: that the bets are made for, in (0, 1).

    Returns:
        Both capitals, started at 1 each, of the shape of ``units_T``.

    Example::

        >>> up_T, down_T = log_capitals(np.array([1.0, 1.0]), 0.5)
        >>> bool(up_T[-1] > 0 > down_T[-1])
        True

    Source: as :func:`confidence_sequence`.
    """
    bets_T = _bets(units_T, 1 - level)
    up_T = np.log1p(np.minimum(bets_T, _STAKE / mean) * (units_T - mean))
    down_T = np.log1p(-np.minimum(bets_T, _STAKE / (1 - mean)) * (units_T - mean))
    return np.cumsum(up_T, -1), np.cumsum(down_T, -1)


def _bets(units_T: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Predictable plug-in bets, each from the values before its own."""
    count_T = np.arange(1, units_T.shape[-1] + 1)
    mean_T = (0.5 + np.cumsum(units_T, -1)) / (count_T + 1)
    variance_T = (0.25 + np.cumsum((units_T - mean_T) ** 2, -1)) / (count_T + 1)
    before_T = np.concatenate([np.full_like(variance_T[..., :1], 0.25), variance_T[..., :-1]], -1)
    bets_T: NDArray[np.float64] = np.sqrt(2 * math.log(2 / alpha) / (before_T * count_T * np.log1p(count_T)))
    return bets_T


def _lower_ends(units_T: NDArray[np.float64], alpha: float, resolution: int) -> NDArray[np.float64]:
    """The greatest mean on the grid that was ruled out as too low, after each value.

    The capital falls with the mean that it is bet against, so all means below a rejected one are rejected.
    """
    bets_T = _bets(units_T, alpha)
    steps = len(units_T)
    count_T = np.zeros(steps, np.int64)
    grid_M = np.arange(1, resolution) / resolution
    step = max(1, 2**22 // steps)
    for start in range(0, len(grid_M), step):
        mean_M1 = grid_M[start : start + step, None]
        logs_MT = np.cumsum(np.log1p(np.minimum(bets_T, _STAKE / mean_M1) * (units_T - mean_M1)), 1)
        rejected_MT = np.logical_or.accumulate(logs_MT >= math.log(2 / alpha), 1)
        count_T += rejected_MT.sum(0)
        if not rejected_MT.any():
            break
    return count_T / resolution


def _units(values: ArrayLike, bounds: tuple[float, float]) -> NDArray[np.float64]:
    floor, ceiling = bounds
    if not (math.isfinite(floor) and math.isfinite(ceiling) and floor < ceiling):
        raise MetricError(f"bounds is {bounds!r}; give two finite numbers, the lesser first")
    array = np.asarray(values, np.float64)
    if not array.size:
        raise MetricError("there are no values; a sequence starts with the first one")
    if not ((array >= floor) & (array <= ceiling)).all():
        raise MetricError(f"a value is not within [{floor}, {ceiling}]; scale scores into the bounds first")
    return np.clip((array - floor) / (ceiling - floor), 0.0, 1.0)
