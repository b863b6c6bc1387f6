"""A metric over sets on sets of as many groups, drawn with replacement: how far its value may be off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.evaluation.stacks import stack, take
from hyperfunc.rng import generator
from hyperfunc.types import Cell, Failure

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["resampled"]

_RESAMPLES = 400

Values = Callable[["NDArray[np.int64]"], Awaitable[tuple[float, ...]]]


async def resampled(
    metric: Metric,
    sides: Sequence[Sequence[Cell]],
    examples: Sequence[Example],
    groups: Sequence[str],
    seed: int,
) -> tuple[tuple[float, ...], ...]:
    """Values on resampled sets.

    Args:
        metric: over sets.
        sides: the cells of each candidate, one per example; every set is drawn for all of them at once.
        examples: N of them.
        groups: what each belongs to; groups are drawn, not examples.
        seed: of the draws.

    Returns:
        One row per set, one value per side.
    """
    rng = generator(seed, "confirm")
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    units, values_of = list(members.values()), _values(metric, sides, examples)
    drawn = []
    for _ in range(_RESAMPLES):
        places = [place for unit in rng.integers(0, len(units), len(units)) for place in units[int(unit)]]
        drawn.append(await values_of(np.array(places, np.int64)))
    return tuple(drawn)


def _values(metric: Metric, sides: Sequence[Sequence[Cell]], examples: Sequence[Example]) -> Values:
    """Values of all sides on some of the examples."""

    async def folded(places: NDArray[np.int64]) -> tuple[float, ...]:
        expected = [examples[i].expected for i in places]
        found = [await metric.fold([cells[i].prediction for i in places], expected) for cells in sides]
        return tuple(found)

    failed = any(isinstance(cell.prediction, Failure) for cells in sides for cell in cells)
    if metric.kind != "batch" or failed:
        return folded
    # Stacked once: 400 resamples of a thousand tensors would be as many copies of each.
    all_sides = stack([stack([cell.prediction for cell in cells]) for cells in sides])
    expected = stack([example.expected for example in examples])

    async def batched(places: NDArray[np.int64]) -> tuple[float, ...]:
        values = metric.function(take(all_sides, places, axis=1), take(expected, places))
        return tuple(float(value) for value in values)

    return batched
