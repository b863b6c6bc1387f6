"""A scorer of numbers: how near a prediction is to what is expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import ScoreResult

from .base import Malformed, judged, result, shown

__all__ = ["NumericDistance"]


@dataclass(frozen=True, slots=True)
class NumericDistance:
    """1 within a tolerance, and then less with the distance, down to 0.

    The score is ``1 - d / D`` for a distance ``d`` above the tolerance.

    Args:
        tolerance: absolute distance that counts as right.
        max_distance: ``D``, the distance that scores 0; ``None`` takes ``abs(expected) + 1``.

    Raises:
        MetricError: a setting is not finite, or out of range.

    Example::

        >>> NumericDistance(max_distance=10).score("7.5", 10, {}).score
        0.75
    """

    tolerance: float = 0.01
    max_distance: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf:
            raise MetricError(
                f"tolerance of NumericDistance is {self.tolerance}; give a number of at least 0"
            )
        if self.max_distance is not None and not 0 < self.max_distance < math.inf:
            raise MetricError(f"max_distance of NumericDistance is {self.max_distance}; give one above 0")

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Compare two numbers; each may be text that is one number and nothing else.

        Raises:
            MetricError: no finite number is expected.
        """
        return judged(self._compare, output, expected)

    def _compare(self, got: Any, want: Any) -> ScoreResult:
        try:
            target = _number(want)
        except Malformed:
            raise MetricError(
                f"NumericDistance compares with a finite number, and the example expects {shown(want)}"
            ) from None
        number = _number(got)
        distance = abs(number - target)
        details = {"predicted": number, "expected": target}
        if distance <= self.tolerance:
            return result(1.0, f"correct: {number:g}", details)
        far = self.max_distance if self.max_distance is not None else abs(target) + 1
        direction = "high" if number > target else "low"
        feedback = f"got {number:g}, expected {target:g}: too {direction} by {distance:g}"
        return result(max(0.0, 1.0 - distance / far), feedback, details)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Malformed(f"the prediction is not a number: {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise Malformed("the prediction is a number that is too large") from None
    except ValueError:
        raise Malformed(f"the prediction is not a number: {shown(value)}") from None
    if not math.isfinite(number):
        raise Malformed(f"the prediction is not a finite number: {shown(value)}")
    return number
