"""Intervals and tests for means over examples, with examples of one group kept together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "mean_interval", "paired_interval", "permutation_p"]

_SMALL = 5
"""Below this many groups a bootstrap knows too little of the spread; Student's t takes over."""

_EXACT = 13
"""Up to this many groups all sign flips are counted instead of drawn."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Args:
        low, high: its ends.
        estimate: the mean it is about.
        level: how often such intervals hold the truth, in (0, 1).
        method: how it was computed: ``BCa bootstrap``, ``Student t``, ``no spread`` or ``one group``.
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
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 4000,
) -> Interval:
    """A confidence interval of the mean difference between two candidates on the same examples.

    Groups are resampled, not examples, because examples of one group rise and fall together. The
    bootstrap is bias-corrected and accelerated. With fewer than five groups Student's t over group
    means is used. When all groups agree exactly, an unseen group may still differ: the interval
    allows for as many such groups as the level cannot rule out, each as far off as scores in [0, 1] can be.

    Args:
        differences_N: score of one candidate minus score of the other, per example; no NaN.
        groups: what each example belongs to; every example is its own group when not given.
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
    return _interval(differences_N, groups, level, seed, resamples, bounds=(-1.0, 1.0))


def mean_interval(
    values_N: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 4000,
) -> Interval:
    """A confidence interval of a mean score; arguments and method as in :func:`paired_interval`.

    Example::

        >>> mean_interval([1.0] * 20).low < 1.0
        True
    """
    return _interval(values_N, groups, level, seed, resamples, bounds=(0.0, 1.0))


def permutation_p(
    differences_N: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
    permutations: int = 10_000,
) -> float:
    """Two-sided p-value of "both candidates are equally good", by flipping signs of whole groups.

    Args:
        differences_N: as in :func:`paired_interval`.
        groups: as in :func:`paired_interval`.
        seed: of the flips that are drawn when there are too many to count all.
        permutations: how many are drawn then.

    Returns:
        The share of flips with a mean at least as far from zero; never 0.

    Raises:
        MetricError: nothing to compare, NaN, or groups of another length.

    Example::

        >>> permutation_p([1.0, 1.0, 1.0])
        0.25

    Source: Fisher, "The Design of Experiments" (1935), section 21.
    """
    sums_G, _ = _by_group(differences_N, groups)
    count = len(sums_G)
    if count <= _EXACT:
        codes = np.arange(2**count)[:, None] >> np.arange(count) & 1
        totals = (1.0 - 2.0 * codes) @ sums_G
        return float(np.mean(np.abs(totals) >= abs(sums_G.sum()) - 1e-9))
    rng = generator("permutation", seed)
    totals = np.concatenate(
        [
            (1.0 - 2.0 * rng.integers(0, 2, size=(rows, count))) @ sums_G
            for rows in _chunks(permutations, count)
        ]
    )
    extreme = int(np.sum(np.abs(totals) >= abs(sums_G.sum()) - 1e-9))
    return (1 + extreme) / (1 + permutations)


def _interval(
    values_N: ArrayLike,
    groups: Sequence[Hashable] | None,
    level: float,
    seed: int,
    resamples: int,
    bounds: tuple[float, float],
) -> Interval:
    if not 0 < level < 1:
        raise MetricError(f"level is {level!r}; give a number between 0 and 1, such as 0.95")
    if resamples < 100:
        raise MetricError(f"resamples is {resamples!r}; give at least 100")
    sums_G, counts_G = _by_group(values_N, groups)
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
    if len(sums_G) < _SMALL:
        reach = _student_quantile((1 + level) / 2, len(sums_G) - 1) * _standard_error(sums_G, counts_G)
        return Interval(estimate - reach, estimate + reach, estimate, level, "Student t")
    low, high = _bca(sums_G, counts_G, level, seed, resamples)
    return Interval(low, high, estimate, level, "BCa bootstrap")


def _by_group(
    values_N: ArrayLike, groups: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of examples of each group, in order of first appearance."""
    values = np.asarray(values_N, np.float64)
    if values.ndim != 1 or not len(values):
        raise MetricError(f"a mean needs one value per example, but got shape {values.shape}")
    if not np.isfinite(values).all():
        raise MetricError("a value is NaN or infinite; leave out examples that are missing on either side")
    if groups is None:
        return values, np.ones(len(values))
    if len(groups) != len(values):
        raise MetricError(f"{len(values)} values have {len(groups)} groups; give one group per example")
    places: dict[Hashable, int] = {}
    index_N = np.array([places.setdefault(group, len(places)) for group in groups])
    sums_G, counts_G = np.bincount(index_N, weights=values), np.bincount(index_N)
    return sums_G.astype(np.float64), counts_G.astype(np.float64)


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
    reach = math.sqrt(groups / (groups - 1)) * _student_quantile((1 + level) / 2, groups - 1)
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
    for rows in _chunks(resamples, groups):
        drawn_BG = rng.integers(0, groups, size=(rows, groups))
        parts.append(sums_G[drawn_BG].sum(1) / counts_G[drawn_BG].sum(1))
    return np.concatenate(parts)


def _chunks(rows: int, columns: int) -> list[int]:
    """``rows`` cut into pieces of at most about 32 MiB of float64 each."""
    step = max(1, 2**22 // columns)
    return [min(step, rows - start) for start in range(0, rows, step)]


def _standard_error(sums_G: NDArray[np.float64], counts_G: NDArray[np.float64]) -> float:
    """Of the mean over examples, from the spread between groups."""
    groups = len(sums_G)
    residual_G = sums_G - counts_G * (sums_G.sum() / counts_G.sum())
    return float(np.sqrt(groups / (groups - 1) * np.sum(residual_G**2)) / counts_G.sum())


def _student_quantile(probability: float, freedom: int) -> float:
    """A quantile above the median of Student's t, by bisection."""
    if freedom > 400:
        return NormalDist().inv_cdf(probability)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        if _student_cdf(angle, freedom) < probability:
            low = angle
        else:
            high = angle
    return math.tan(low) * math.sqrt(freedom)


def _student_cdf(angle: float, freedom: int) -> float:
    """P(T < sqrt(freedom) tan(angle)) for whole degrees of freedom, as a finite sum."""
    odd = freedom % 2
    cosine = math.cos(angle)
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for power in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine**2 * (power - 1) / power
        total += term
    series = math.sin(angle) * total
    return 0.5 + (angle + series) / math.pi if odd else 0.5 + series / 2
