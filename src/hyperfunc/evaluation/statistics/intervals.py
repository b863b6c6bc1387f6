"""Intervals for means over examples, with examples of one group kept together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError
from hyperfunc.rng import generator

from .groups import by_group, check_level, chunks
from .student import student_quantile

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "mean_interval", "paired_interval", "standard_error"]

_SMALL = 5
"""Below this many groups a bootstrap knows too little of the spread; Student's t takes over."""

_MANY = 25
"""Below this many groups the wider of both ends is taken: each misses the level where the other holds it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Args:
        low, high: its ends.
        estimate: the mean it is about.
        level: how often such intervals hold the truth, in (0, 1).
        method: how it was computed: ``BCa bootstrap``, ``BCa bootstrap or Student t`` (the wider end),
            ``Student t``, ``no spread``, ``one group``, or what the function says that made it.
    """

    low: float
    high: float
    estimate: float
    level: float
    method: str

    def __str__(self) -> str:
        return f"{self.estimate:+.3f} [{self.low:+.3f}, {self.high:+.3f}] at {self.level:.0%}"


def paired_interval(
    differences_N: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 4000,
) -> Interval:
    """A confidence interval of the mean difference between two candidates on the same examples.

    Groups are resampled, not examples, because examples of one group rise and fall together. The
    bootstrap is bias-corrected and accelerated. With fewer than five groups Student's t over group
    means is used, and with fewer than 25 the wider of both at each end. When all groups agree exactly, an
    unseen group may still differ: the interval allows for as many such groups as the level cannot rule
    out, each as far off as scores in [0, 1] can be.

    Args:
        differences_N: score of one candidate minus score of the other, per example; no NaN.
        groups: what each example belongs to; every example is its own group when not given.
        weights: how much each example counts, positive; all the same when not given.
        level: in (0, 1).
        seed: of the resampling; the same seed gives the same interval.
        resamples: bootstrap samples drawn, at least 100.

    Returns:
        The interval around the mean over examples.

    Raises:
        MetricError: nothing to compare, NaN, or arguments that do not fit together.

    Example::

        >>> gain = paired_interval([0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
        >>> round(gain.estimate, 3), gain.low > 0
        (0.625, True)

    Source: Efron, "Better bootstrap confidence intervals", JASA 82 (1987), equations 2.3 and 6.6;
    for groups, Field and Welsh, "Bootstrapping clustered data", JRSS B 69 (2007); for the width with
    few groups, Hesterberg, "What teachers should know about the bootstrap", Am. Stat. 69 (2015).
    """
    return _interval(by_group(differences_N, groups, weights), level, seed, resamples, bounds=(-1.0, 1.0))


def mean_interval(
    values_N: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 4000,
) -> Interval:
    """A confidence interval of a mean score; arguments and method as in :func:`paired_interval`.

    Example::

        >>> mean_interval([1.0] * 20).low < 1.0
        True
    """
    return _interval(by_group(values_N, groups, weights), level, seed, resamples, bounds=(0.0, 1.0))


def standard_error(
    values_N: ArrayLike, *, groups: Sequence[Hashable] | None = None, weights: ArrayLike | None = None
) -> float:
    """The standard error of a mean over examples, from the spread between groups.

    Args:
        values_N, groups, weights: as in :func:`paired_interval`.

    Returns:
        At least 0; NaN for a single group, which shows no spread.

    Raises:
        MetricError: as :func:`paired_interval`.

    Example::

        >>> round(standard_error([0.0, 1.0, 0.0, 1.0]), 4)
        0.2887

    Source: Cochran, "Sampling Techniques" (3rd edition, 1977), chapter 9A: ratios of cluster totals.
    """
    sums_G, counts_G = by_group(values_N, groups, weights)
    return _standard_error(sums_G, counts_G) if len(sums_G) > 1 else math.nan


def _interval(
    gathered: tuple[NDArray[np.float64], NDArray[np.float64]],
    level: float,
    seed: int,
    resamples: int,
    bounds: tuple[float, float],
) -> Interval:
    check_level(level)
    if resamples < 100:
        raise MetricError(f"resamples is {resamples!r}; give at least 100")
    sums_G, counts_G = gathered
    estimate = float(sums_G.sum() / counts_G.sum())
    means_G = sums_G / counts_G
    # A score beyond [0, 1] widens what an unseen example is thought able to be.
    floor, ceiling = min(bounds[0], float(means_G.min())), max(bounds[1], float(means_G.max()))
    if len(sums_G) == 1:
        return Interval(floor, ceiling, estimate, level, "one group")
    if np.ptp(means_G) <= 1e-12 * np.abs(means_G).max():
        unseen = 1.0 - ((1.0 - level) / 2) ** (1.0 / len(sums_G))
        low, high = estimate - unseen * (estimate - floor), estimate + unseen * (ceiling - estimate)
        return Interval(low, high, estimate, level, "no spread")
    reach = student_quantile((1 + level) / 2, len(sums_G) - 1) * _standard_error(sums_G, counts_G)
    if len(sums_G) < _SMALL:
        return Interval(estimate - reach, estimate + reach, estimate, level, "Student t")
    low, high = _bca(sums_G, counts_G, level, seed, resamples)
    if len(sums_G) >= _MANY:
        return Interval(low, high, estimate, level, "BCa bootstrap")
    low, high = min(low, estimate - reach), max(high, estimate + reach)
    return Interval(low, high, estimate, level, "BCa bootstrap or Student t")


def _bca(
    sums_G: NDArray[np.float64], counts_G: NDArray[np.float64], level: float, seed: int, resamples: int
) -> tuple[float, float]:
    estimate = sums_G.sum() / counts_G.sum()
    means_B = _bootstrap_means(sums_G, counts_G, seed, resamples)
    below = (np.sum(means_B < estimate) + 0.5 * np.sum(means_B == estimate)) / resamples
    normal = NormalDist()
    bias = normal.inv_cdf(float(np.clip(below, 1 / (resamples + 1), resamples / (resamples + 1))))
    jackknife_G = (sums_G.sum() - sums_G) / (counts_G.sum() - counts_G)
    pull_G = jackknife_G.mean() - jackknife_G
    acceleration = float(np.sum(pull_G**3) / (6.0 * np.sum(pull_G**2) ** 1.5 + 1e-300))
    groups = len(sums_G)
    # A bootstrap of few groups is too narrow: it divides by G, and its quantiles are normal ones.
    reach = math.sqrt(groups / (groups - 1)) * student_quantile((1 + level) / 2, groups - 1)
    ends = []
    for tail in (-reach, reach):
        shifted = bias + tail
        # Beyond the pole of the acceleration the formula turns round; the outermost sample is meant.
        room = 1.0 - acceleration * shifted
        place = normal.cdf(bias + shifted / room) if room > 1e-9 else float(shifted > 0)
        ends.append(float(np.quantile(means_B, place)))
    return ends[0], ends[1]


def _bootstrap_means(
    sums_G: NDArray[np.float64], counts_G: NDArray[np.float64], seed: int, resamples: int
) -> NDArray[np.float64]:
    groups = len(sums_G)
    rng = generator("bootstrap", seed)
    parts = []
    for rows in chunks(resamples, groups):
        drawn_BG = rng.integers(0, groups, size=(rows, groups))
        parts.append(sums_G[drawn_BG].sum(1) / counts_G[drawn_BG].sum(1))
    return np.concatenate(parts)


def _standard_error(sums_G: NDArray[np.float64], counts_G: NDArray[np.float64]) -> float:
    """Of the mean over examples, from the spread between groups."""
    groups = len(sums_G)
    residual_G = sums_G - counts_G * (sums_G.sum() / counts_G.sum())
    return float(np.sqrt(groups / (groups - 1) * np.sum(residual_G**2)) / counts_G.sum())
