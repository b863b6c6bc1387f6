"""From the cells of candidates to the values of the metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np

from hyperfunc.errors import InfrastructureError, JudgeFailed
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.program.graph import CallGraph
from hyperfunc.types import JSON, Cell, Failure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .account import Charge

__all__ = [
    "Evaluation", "Evaluations", "Execution", "fold", "fold_rows", "is_missing", "nothing_evaluated",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Execution:
    """How an evaluation was run.

    Args:
        mode: ``"fused"`` (the whole program once, over candidates and examples), ``"waves"`` (equal
            calls of the lanes in batches) or ``"plain"``.
        why: why it was not run in a faster mode; empty when fused.
        materialized: how often an operation needed a perturbed matrix written out, by its name.
        waves: what went in batches and what could not, by function.
    """

    mode: str = "plain"
    why: str = ""
    materialized: Mapping[str, int] = field(default_factory=dict)
    waves: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        text = {"fused": "fused: all lanes at once", "waves": "in waves", "plain": "lane by lane"}[self.mode]
        if self.why:
            text += f" (not faster: {self.why})"
        if self.materialized:
            uses = ", ".join(f"{name} {count} times" for name, count in self.materialized.items())
            text += f"; perturbed matrices were written out for {uses}"
        return text


class Evaluation(float):
    """The value of a metric; a float that remembers its cells.

    Attributes:
        execution: how it was run.
    """

    execution: Execution
    _cells: Callable[[], Sequence[Cell]] | tuple[Cell, ...]

    def __new__(
        cls, value: float, cells: Sequence[Cell] | Callable[[], Sequence[Cell]] = (),
        execution: Execution | None = None,
    ) -> Self:  # fmt: skip
        """A value with the cells it was folded from, or what makes them when they are asked for."""
        self = super().__new__(cls, value)
        self._cells = cells if callable(cells) else tuple(cells)
        self.execution = execution or Execution()
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (float(self), self.cells, self.execution)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """One per lane, example by example, repeats inside."""
        if callable(self._cells):
            self._cells = tuple(self._cells())
        return self._cells

    @property
    def failures(self) -> tuple[Cell, ...]:
        """Lanes in which the program failed."""
        return tuple(c for c in self.cells if c.failure is not None)

    @property
    def missing(self) -> tuple[Cell, ...]:
        """Lanes that infrastructure kept from being filled; they are no part of the value."""
        return tuple(c for c in self.cells if is_missing(c))

    @property
    def traces(self) -> tuple[CallGraph | None, ...]:
        """The call graph of each lane, in the order of the cells; ``None`` unless they were collected."""
        return tuple(c.trace for c in self.cells)

    @property
    def predictions(self) -> list[object]:
        """What the program returned, lane by lane; a failed one is a ``Failure``."""
        return [c.prediction for c in self.cells]


class Evaluations(Sequence[Evaluation]):
    """One evaluation per candidate, in order; each is made when it is asked for.

    Args:
        values_K: the metric of each candidate; -inf where it has none.
        cells: makes the cells of candidate k.
        execution: how they were run.
        scores_KN: per lane, NaN where missing; ``None`` for a metric over sets.
        charges: the calls that the lanes used, by key.
    """

    def __init__(
        self, values_K: NDArray[np.float64], cells: Callable[[int], Sequence[Cell]], execution: Execution,
        scores_KN: NDArray[np.float64] | None = None, charges: Mapping[str, Charge] | None = None,
    ) -> None:  # fmt: skip
        self.charges = charges or {}
        self.values_K = values_K
        self.scores_KN = scores_KN
        self.execution = execution
        self._cells = cells
        self._made: dict[int, Evaluation] = {}

    def feedback(self, k: int, n: int) -> str:
        """Of the scorer, for lane n of candidate k."""
        return self[k].cells[n].feedback

    def details(self, k: int, n: int) -> Mapping[str, JSON]:
        """Of the scorer, likewise."""
        return self[k].cells[n].details

    @overload
    def __getitem__(self, index: int) -> Evaluation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Evaluation]: ...
    def __getitem__(self, index: int | slice) -> Evaluation | list[Evaluation]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        k = range(len(self))[index]
        made = self._made.get(k)
        if made is None:
            value = float(self.values_K[k])
            made = self._made[k] = Evaluation(value, lambda: self._cells(k), self.execution)
        return made

    def __len__(self) -> int:
        return len(self.values_K)

    def __iter__(self) -> Iterator[Evaluation]:
        return (self[k] for k in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Evaluations({self.values_K.tolist()!r})"


def is_missing(cell: Cell) -> bool:
    """Whether a cell could not be filled through no fault of the program."""
    return (isinstance(cell.prediction, Failure) and cell.prediction.kind == "infrastructure") or (
        cell.failure is not None and cell.score is None and not isinstance(cell.prediction, Failure)
    )


def nothing_evaluated(cells: Sequence[Cell]) -> InfrastructureError:
    """The error of an evaluation without a single cell."""
    reason = cells[0].failure if cells else "there are no cells"
    return InfrastructureError(f"no example could be evaluated; the first reason: {reason}")


async def fold(
    metric: Metric, cells: Sequence[Cell], examples: Sequence[Example], repeats: int
) -> Evaluation:
    """Fold cells into a value.

    Args:
        metric: of any kind.
        cells: N·R of them, example by example.
        examples: N of them.
        repeats: R.

    Returns:
        The value; NaN when a judge answered for every cell, and nothing that it said could be read.

    Raises:
        InfrastructureError: every cell is missing for another reason.
    """
    present = [(c, examples[i // repeats]) for i, c in enumerate(cells) if not is_missing(c)]
    if not present:
        if cells and all(map(_is_unreadable, cells)):
            # The world is as it should be, and the same answers would come again: no reason to stop a run.
            return Evaluation(math.nan, cells)
        raise nothing_evaluated(cells)
    if metric.per_item:
        weight = sum(e.weight for _, e in present)
        value = sum(e.weight * (c.score or 0.0) for c, e in present) / weight
    else:
        value = await metric.fold([c.prediction for c, _ in present], [e.expected for _, e in present])
    return Evaluation(value, cells)


async def fold_rows(
    metric: Metric, rows: Sequence[Sequence[Cell]], examples: Sequence[Example], repeats: int,
    execution: Execution, charges: Mapping[str, Charge] | None = None,
) -> Evaluations:  # fmt: skip
    """Fold a row of cells per candidate; see :func:`fold`."""
    values = [float(await fold(metric, row, examples, repeats)) for row in rows]
    scores = [[_score(c) for c in row] for row in rows] if metric.per_item else None
    return Evaluations(
        np.array(values, np.float64), rows.__getitem__, execution,
        None if scores is None else np.array(scores, np.float64), charges,
    )  # fmt: skip


def _is_unreadable(cell: Cell) -> bool:
    return is_missing(cell) and (cell.failure or "").startswith(f"{JudgeFailed.__name__}: ")


def _score(cell: Cell) -> float:
    return math.nan if is_missing(cell) or cell.score is None else cell.score
