"""How well a score tells two kinds of things apart: the area under the ROC curve, with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError

from .groups import by_group, check_level
from .intervals import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["auc_interval"]


def auc_interval(
    higher_N: ArrayLike,
    lower_M: ArrayLike,
    *,
    groups_N: Sequence[Hashable] | None = None,
    groups_M: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Interval:
    r"""How often a thing that should score higher does, against one that should score lower; ties are half.

    The estimate is the area under the ROC curve, Mann and Whitney's U divided by N M. Its interval holds
    the areas A that are not further from the estimate than z of their own standard errors::

        var(A) = A (1 - A) (1 + k (1 - A) / (2 - A) + k A / (1 + A)) / (N M),  k = (N + M) / 2 - 1

    so it says something where all is told apart, too. With groups, N and M are how many there are, as if
    things of one group were all alike: too wide rather than too narrow.

    Args:
        higher_N: scores of what should score higher; no NaN.
        lower_M: scores of what should score lower; no NaN.
        groups_N, groups_M: what each belongs to; things of one group are not independent.
        level: in (0, 1).

    Returns:
        The area in [0, 1] with its interval.

    Raises:
        MetricError: no scores on a side, NaN, groups of another length, or a level that is none.

    Example::

        >>> found = auc_interval([0.9, 0.8, 0.7, 0.6], [0.5, 0.4, 0.65, 0.1])
        >>> round(found.estimate, 4), found.low < 0.75 < found.high
        (0.9375, True)

    Source: Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic.
    Part 2", Statistics in Medicine 25 (2006), method 5; the variance of exponential scores is that of
    Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic curve",
    Radiology 143 (1982).
    """
    check_level(level)
    higher, lower = np.asarray(higher_N, np.float64), np.asarray(lower_M, np.float64)
    count_N, count_M = len(by_group(higher, groups_N)[0]), len(by_group(lower, groups_M)[0])
    if higher.ndim != 1 or lower.ndim != 1:
        raise MetricError("an area under the ROC curve needs one score for each thing")
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    estimate = float(below.sum()) / (2.0 * len(higher) * len(lower))
    reach = NormalDist().inv_cdf((1 + level) / 2)
    half = (count_N + count_M) / 2 - 1

    def far(area: float) -> float:
        spread = 1 + half * (1 - area) / (2 - area) + half * area / (1 + area)
        error = math.sqrt(max(0.0, area * (1 - area) * spread / (count_N * count_M)))
        return abs(area - estimate) - reach * error

    low, high = _border(far, estimate, 0.0), _border(far, estimate, 1.0)
    return Interval(low, high, estimate, level, "Newcombe's method 5")


def _border(far: Callable[[float], float], inside: float, outside: float) -> float:
    """Where ``far`` changes its sign between a value inside and the end of the scale, by bisection."""
    if inside == outside:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        if far(middle) > 0:
            outside = middle
        else:
            inside = middle
    return inside
