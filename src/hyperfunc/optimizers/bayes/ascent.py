"""A small quasi-Newton method, so that the core needs nothing beyond numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Objective = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]

__all__ = ["minimise"]

_MEMORY = 8
_HALVINGS = 12


def minimise(
    objective: Objective, start: NDArray[np.float64], *, steps: int = 40, tolerance: float = 1e-4
) -> tuple[NDArray[np.float64], float]:
    """A local minimum by limited-memory BFGS with backtracking.

    Args:
        objective: value and gradient [P] at a point [P]; an infinite value is outside of its domain.
        start: a point of its domain.
        steps: at most so many.
        tolerance: it stops when a step gains less than this.

    Returns:
        The point and its value.

    Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithms 7.4 and 3.1.
    """
    point, (value, slope) = start, objective(start)
    pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for _ in range(steps):
        direction = -_times_inverse(pairs, slope)
        if float(direction @ slope) >= 0.0:
            direction, pairs = -slope, []
        if not pairs:
            direction = direction / max(1.0, float(np.abs(slope).sum()))
        found = _line(objective, point, value, direction, float(direction @ slope))
        if found is None:
            break
        moved, lower, next_slope = found
        step, change = moved - point, next_slope - slope
        if float(step @ change) > 1e-12:
            pairs = [*pairs[1 - _MEMORY :], (step, change)]
        gained = value - lower
        point, value, slope = moved, lower, next_slope
        if gained < tolerance:
            break
    return point, value


def _line(
    objective: Objective,
    point: NDArray[np.float64],
    value: float,
    direction: NDArray[np.float64],
    descent: float,
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]] | None:
    """The first of ever shorter steps that lowers the value enough."""
    length = min(1.0, 2.0 / max(1e-12, float(np.abs(direction).max())))
    for _ in range(_HALVINGS):
        moved = point + length * direction
        lower, slope = objective(moved)
        if lower <= value + 1e-4 * length * descent:
            return moved, lower, slope
        length *= 0.4
    return None


def _times_inverse(
    pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]], slope: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The slope times the estimated inverse of the second derivatives: the two-loop recursion."""
    rest, weights = slope.copy(), []
    for step, change in reversed(pairs):
        weight = float(step @ rest) / float(step @ change)
        weights.append(weight)
        rest = rest - weight * change
    if pairs:
        step, change = pairs[-1]
        rest = rest * (float(step @ change) / float(change @ change))
    for (step, change), weight in zip(pairs, reversed(weights), strict=True):
        rest = rest + (weight - float(change @ rest) / float(step @ change)) * step
    return rest
