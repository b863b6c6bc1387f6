"""Sums without rounding: why an answer never depends on what else is in the batch.

Floating-point sums depend on their order, and a matrix library picks the order by the shape of the whole
batch. Here both factors of every product lie on a grid (multiples of a power of two) coarse enough that no
partial sum needs more than the 53 bits of a double. Then each sum is exact in any order, on any number of
threads, with any zeros in between. The grids keep about the precision of float32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DOUBLE_BITS",
    "ExactLinear",
    "power_above",
    "row_lengths",
    "row_power_above",
    "snap",
    "sum_of_squares",
]

Array = NDArray[np.float64]

DOUBLE_BITS = 53
# The bits are divided about evenly between inputs and weights: both are then as precise as float32.
_INPUT_BITS = 25
_SQUARE_BITS = 40
# Adding and subtracting 1.5 * 2**52 steps leaves the nearest multiple of the step.
_ROUNDER = 1.5 * 2.0**52


def snap(x: Array, step: float | Array) -> Array:
    """Round to the nearest multiple of a step, in place.

    Args:
        x: values of magnitude at most ``2**51 * step``.
        step: a power of two, or powers of two that broadcast against ``x``.

    Returns:
        ``x`` itself.
    """
    rounder = step * _ROUNDER
    np.add(x, rounder, out=x)
    np.subtract(x, rounder, out=x)
    return x


def power_above(value: float) -> float:
    """The smallest power of two greater than a magnitude (1 for zero)."""
    return float(np.ldexp(1.0, int(np.frexp(value)[1])))


def row_power_above(x: Array) -> Array:
    """For every row (last axis, kept) the smallest power of two above its largest magnitude."""
    largest = np.abs(x).max(-1, keepdims=True)
    power: Array = np.ldexp(1.0, np.frexp(largest)[1])
    return power


def sum_of_squares(x: Array) -> Array:
    """Sum of squares over the last axis (kept), independent of the order of summation."""
    squares = x * x
    largest = squares.max(-1, keepdims=True)
    step = np.ldexp(1.0, np.frexp(largest)[1] - _SQUARE_BITS)
    total: Array = snap(squares, step).sum(-1, keepdims=True)
    return total


def row_lengths(x: Array) -> Array:
    """For every row (last axis, kept) a power of two above its Euclidean length."""
    power: Array = np.ldexp(1.0, np.frexp(np.sqrt(sum_of_squares(x)))[1])
    return power


class ExactLinear:
    """A matrix product whose every output is the exact sum of products of grid values.

    By the Cauchy-Schwarz inequality no partial sum exceeds the product of the two lengths, so the bits of
    a double are divided between a row of inputs and a row of weights according to their lengths.

    Args:
        weight: ``[out, in]``; rounded to a grid.

    Example::

        layer = ExactLinear(np.ones((3, 4)))
        assert layer(np.full((1, 4), 0.5), length=2.0).tolist() == [[2.0, 2.0, 2.0]]
    """

    def __init__(self, weight: Array) -> None:
        longest = float(np.sqrt((weight**2).sum(1).max(initial=0.0)))
        # One bit stays free, because rounding can make a row longer.
        self.step = power_above(longest) * 2.0 ** (_INPUT_BITS + 1 - DOUBLE_BITS)
        self.weight = np.ascontiguousarray(snap(np.array(weight, np.float64), self.step).T)

    def __call__(self, x: Array, length: float | Array) -> Array:
        """The product of rows, which are rounded in place.

        Args:
            x: ``[rows, in]``; overwritten.
            length: a power of two above the Euclidean length of a row; one number or ``[rows, 1]``.

        Returns:
            ``[rows, out]``.
        """
        return snap(x, length * 2.0**-_INPUT_BITS) @ self.weight
