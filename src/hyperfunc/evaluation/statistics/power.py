"""What a budget can resolve: the smallest difference for a number of examples, and the reverse."""

from __future__ import annotations

import math

from hyperfunc.errors import MetricError

from .groups import check_level
from .student import student_quantile

__all__ = ["needed_examples", "smallest_difference"]

_MOST = 10**9
"""More clusters than this are not looked for."""


def smallest_difference(
    examples: int,
    *,
    deviation: float,
    repeat_deviation: float = 0.0,
    repeats: int = 1,
    cluster_size: int = 1,
    correlation: float = 0.0,
    level: float = 0.95,
    power: float = 0.8,
) -> float:
    r"""The smallest true mean difference that a paired comparison finds with the given power.

    ``(t_(1 - alpha/2) + t_power) sqrt(V)`` with quantiles of Student's t of one degree of freedom less
    than there are clusters, and ``V = (deviation^2 (1 + (m - 1) rho) + repeat_deviation^2 / r) / n`` for n
    examples in clusters of m with r repeats each.

    Args:
        examples: how many, at least two clusters of them.
        deviation: standard deviation between examples of the true differences, in the unit of the score.
            For right-or-wrong answers compared once it is ``sqrt(share that disagrees)`` at most; at 20 %
            disagreement 0.45.
        repeat_deviation: standard deviation of one example's difference between repeats; 0 when
            ``deviation`` was measured on single answers and has it in it.
        repeats: answers per example, at least 1.
        cluster_size: examples of one cluster, at least 1.
        correlation: of the differences within a cluster, in [0, 1].
        level: of the two-sided test, in (0, 1).
        power: how often the difference shall be found, in (0.5, 1).

    Returns:
        The difference, above 0 unless nothing varies.

    Raises:
        MetricError: an argument out of range.

    Example::

        >>> round(smallest_difference(100, deviation=0.5), 3)
        0.141

    Source: Bloom, "Minimum detectable effects", Evaluation Review 19 (1995); for the factor of clusters,
    Kish, "Survey Sampling" (1965), section 5.4.
    """
    variance = _variance(deviation, repeat_deviation, repeats, cluster_size, correlation)
    clusters = examples // cluster_size
    if clusters < 2:
        raise MetricError(
            f"examples is {examples!r} with clusters of {cluster_size}; a test needs two clusters at least"
        )
    return _reach(clusters, level, power) * math.sqrt(variance / examples)


def needed_examples(
    difference: float,
    *,
    deviation: float,
    repeat_deviation: float = 0.0,
    repeats: int = 1,
    cluster_size: int = 1,
    correlation: float = 0.0,
    level: float = 0.95,
    power: float = 0.8,
) -> int:
    """How many examples a paired comparison needs to find a difference with the given power.

    Args:
        difference: the true mean difference that shall be found, above 0.
        deviation, repeat_deviation, repeats, cluster_size, correlation, level, power: as in
            :func:`smallest_difference`.

    Returns:
        The least number of whole clusters, times their size.

    Raises:
        MetricError: an argument out of range, or more than a billion clusters needed.

    Example::

        >>> needed_examples(0.1, deviation=0.5)
        199

    Source: :func:`smallest_difference`, solved for n.
    """
    if not difference > 0:
        raise MetricError(f"difference is {difference!r}; give a number above 0")
    variance = _variance(deviation, repeat_deviation, repeats, cluster_size, correlation)

    def enough(clusters: int) -> bool:
        return _reach(clusters, level, power) * math.sqrt(variance / (clusters * cluster_size)) <= difference

    high = 2
    while not enough(high):
        high *= 2
        if high > _MOST:
            raise MetricError(f"difference is {difference!r}, too small for any budget; give a larger one")
    low = max(1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high * cluster_size


def _reach(clusters: int, level: float, power: float) -> float:
    check_level(level)
    if not 0.5 < power < 1:
        raise MetricError(f"power is {power!r}; give a number between 0.5 and 1, such as 0.8")
    return student_quantile((1 + level) / 2, clusters - 1) + student_quantile(power, clusters - 1)


def _variance(
    deviation: float, repeat_deviation: float, repeats: int, cluster_size: int, correlation: float
) -> float:
    """Of one example's difference, times what its cluster costs."""
    if not (0 <= deviation < math.inf and 0 <= repeat_deviation < math.inf):
        raise MetricError("deviation and repeat_deviation must be finite and at least 0")
    if repeats < 1 or cluster_size < 1:
        raise MetricError(f"repeats is {repeats!r}, cluster_size {cluster_size!r}; give at least 1 of each")
    if not 0 <= correlation <= 1:
        raise MetricError(f"correlation is {correlation!r}; give a number in [0, 1]")
    return deviation**2 * (1 + (cluster_size - 1) * correlation) + repeat_deviation**2 / repeats
