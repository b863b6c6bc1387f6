"""From the cells of one candidate to the value of the metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from hyperfunc.errors import InfrastructureError
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.types import Cell, Failure

__all__ = ["Evaluation", "fold"]


class Evaluation(float):
    """The value of a metric; a float that remembers its cells.

    Attributes:
        cells: one per lane, example by example, repeats inside.
    """

    cells: tuple[Cell, ...]

    def __new__(cls, value: float, cells: Sequence[Cell] = ()) -> Self:
        """A value with the cells it was folded from."""
        self = super().__new__(cls, value)
        self.cells = tuple(cells)
        return self

    @property
    def failures(self) -> tuple[Cell, ...]:
        """Lanes in which the program failed."""
        return tuple(c for c in self.cells if c.failure is not None)

    @property
    def missing(self) -> tuple[Cell, ...]:
        """Lanes that infrastructure kept from being filled; they are no part of the value."""
        return tuple(c for c in self.cells if is_missing(c))

    @property
    def predictions(self) -> list[object]:
        """What the program returned, lane by lane; a failed one is a ``Failure``."""
        return [c.prediction for c in self.cells]


def is_missing(cell: Cell) -> bool:
    """Whether a cell could not be filled through no fault of the program."""
    return (isinstance(cell.prediction, Failure) and cell.prediction.kind == "infrastructure") or (
        cell.failure is not None and cell.score is None and not isinstance(cell.prediction, Failure)
    )


async def fold(
    metric: Metric, cells: Sequence[Cell], examples: Sequence[Example], repeats: int
) -> Evaluation:
    """Fold cells into a value.

    Args:
        metric: of either kind.
        cells: N·R of them, example by example.
        examples: N of them.
        repeats: R.

    Raises:
        InfrastructureError: every cell is missing.
    """
    present = [(c, examples[i // repeats]) for i, c in enumerate(cells) if not is_missing(c)]
    if not present:
        reason = cells[0].failure if cells else "there are no cells"
        raise InfrastructureError(f"no example could be evaluated; the first reason: {reason}")
    if metric.per_item:
        value = sum(c.score or 0.0 for c, _ in present) / len(present)
    else:
        value = await metric.fold([c.prediction for c, _ in present], [e.expected for _, e in present])
    return Evaluation(value, cells)
