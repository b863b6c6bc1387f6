"""Where a search stands, step by step."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

__all__ = ["SMOOTH", "steady", "trend"]

SMOOTH = 7
"""Steps whose middle value is shown where single values are luck: one step sees few examples."""


def steady(incumbents: Sequence[float | None]) -> bool:
    """Whether incumbents are known and never fall: their values are evidence that grows, not luck."""
    known = [value for value in incumbents if value is not None and math.isfinite(value)]
    return bool(known) and known == sorted(known)


def trend(best: Sequence[float | None], incumbents: Sequence[float | None]) -> list[float | None]:
    """The score a search has reached after each step.

    Args:
        best: the best value each step tried; ``None`` where it tried nothing that could be judged.
        incumbents: the value of what the optimizer would recommend, where it knows.

    Returns:
        Steady incumbents as they are. Otherwise the median over the last :data:`SMOOTH` steps of the
        incumbent, or of what was tried where none is known; ``None`` before there is any.

    Example::

        >>> trend([0.1, 0.9, 0.2], [None, None, None])
        [0.1, 0.5, 0.2]
    """
    if steady(incumbents):
        return list(incumbents)
    values = [tried if held is None else held for tried, held in zip(best, incumbents, strict=True)]
    return [_middle(values[max(0, index + 1 - SMOOTH) : index + 1]) for index in range(len(values))]


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return statistics.median(known) if known else None
