"""What an evaluation took, from its cells: cost, tokens, calls, time, and pass@k over repeats.

These judge a whole set of cells, never one prediction; call them on ``result.cells``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import Cell

from .over_sets import chance, checked_draws

__all__ = ["CellMetric", "calls", "cost", "latency", "pass_at_k_of_cells", "tokens"]


@dataclass(frozen=True, slots=True)
class CellMetric:
    """A number of a whole set of cells.

    Args:
        name: shown in reports.
        function: from cells to the number.
        unit: of the number.
    """

    name: str
    function: Callable[[list[Any]], float]
    unit: str = ""

    @property
    def per_item(self) -> bool:
        """Never: it belongs to the set."""
        return False

    def __call__(self, cells: Iterable[Any]) -> float:
        """The number.

        Raises:
            MetricError: there are no cells, or they lack what it needs.
        """
        given = list(cells)
        if not given:
            raise MetricError(f"{self.name} needs cells, and there are none")
        return self.function(given)


def _mean_of(cells: list[Any], field: str, name: str) -> float:
    values = [getattr(cell, field, None) for cell in cells]
    unknown = sum(not isinstance(v, int | float) or not math.isfinite(v) for v in values)
    if unknown:
        raise MetricError(f"{name} is unknown for {unknown} of {len(cells)} cells: they have no {field!r}")
    return math.fsum(float(v) for v in values if v is not None) / len(values)


def _dollars(cells: list[Any]) -> float:
    # Rows of the ledger know that a price is unknown, where cells count it as 0.
    field = "dollars" if isinstance(cells[0], Cell) else "cost"
    return _mean_of(cells, field, "cost")


cost = CellMetric("cost", _dollars, "US dollars a lane")
"""Mean cost of a lane, of cells or of the ledger's rows. Calls of unknown price count as 0 in cells, and
are an error in rows."""

tokens = CellMetric("tokens", lambda cells: _mean_of(cells, "tokens", "tokens"), "tokens a lane")
"""Mean tokens of a lane; answers without a count add none."""

calls = CellMetric("calls", lambda cells: _mean_of(cells, "calls", "calls"), "calls a lane")
"""Mean model calls of a lane, shared and remembered ones included."""

latency = CellMetric("latency", lambda cells: _mean_of(cells, "seconds", "latency"), "seconds a lane")
"""Mean wall time of a lane, of the ledger's rows; cells do not carry it, which is an error."""


def pass_at_k_of_cells(k: int, *, threshold: float = 1.0) -> CellMetric:
    """The chance that at least one of k repeats of an example is right, as a mean over the examples.

    Cells that are missing are left out.

    Args:
        k: how many repeats one may draw, at least 1.
        threshold: the score from which on a repeat is right, in (0, 1].

    Returns:
        A metric of the cells of one candidate; it raises ``MetricError`` when they belong to several, or
        when an example has fewer than k repeats with a score.

    Source: Chen et al., Evaluating large language models trained on code, 2021, arXiv:2107.03374,
    equation 1.
    """
    checked_draws(k, threshold)

    def passed(cells: list[Any]) -> float:
        if len({cell.candidate for cell in cells}) > 1:
            raise MetricError(f"pass@{k} judges one candidate, and these cells belong to several")
        scores: dict[str, list[float]] = {}
        for cell in cells:
            row = scores.setdefault(cell.example, [])
            if cell.score is not None:
                row.append(cell.score)
        short = [name for name, row in scores.items() if len(row) < k]
        if short:
            raise MetricError(
                f"pass@{k} needs {k} repeats of each example, and {len(short)} of {len(scores)} have fewer; "
                f"evaluate with repeats={k} or more and a metric of single predictions"
            )
        right = [(len(row), sum(s >= threshold - 1e-9 for s in row)) for row in scores.values()]
        return math.fsum(chance(n, c, k) for n, c in right) / len(right)

    return CellMetric(f"pass@{k}", passed)
