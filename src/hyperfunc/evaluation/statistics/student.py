"""Quantiles and p-values of Student's t, without a table."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["student_p", "student_quantile"]


def student_quantile(probability: float, freedom: int) -> float:
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


def student_p(statistic: float, freedom: int) -> float:
    """The two-sided p-value of a t statistic.

    Args:
        statistic: any number; infinite ones give 0.
        freedom: degrees of freedom, at least 1.

    Returns:
        In [0, 1].

    Example::

        >>> round(student_p(2.571, 5), 3)
        0.05

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3 and 26.7.4.
    """
    if freedom > 400:
        return math.erfc(abs(statistic) / math.sqrt(2))
    angle = math.atan(abs(statistic) / math.sqrt(freedom))
    return min(1.0, max(0.0, 2.0 * (1.0 - _student_cdf(angle, freedom))))


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
