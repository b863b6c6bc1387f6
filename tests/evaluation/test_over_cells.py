"""Numbers of a set of cells: cost, tokens, calls, time, and pass@k over repeats."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hyperfunc.errors import MetricError
from hyperfunc.evaluation import calls, cost, latency, pass_at_k_of_cells, tokens
from hyperfunc.types import Cell

CELLS = [
    Cell("c", "x", 0, 1.0, calls=1, tokens=10, dollars=0.5),
    Cell("c", "x", 1, 0.0, calls=3, tokens=30, dollars=0.0),
    Cell("c", "y", 0, 0.0, calls=1, tokens=10, dollars=0.0),
    Cell("c", "y", 1, 0.5, calls=3, tokens=30, dollars=0.5),
]
ROWS = [SimpleNamespace(cost=0.5, seconds=2.0), SimpleNamespace(cost=1.5, seconds=4.0)]


def test_means_of_cells_and_of_rows() -> None:
    assert (cost(CELLS), tokens(CELLS), calls(CELLS)) == (0.25, 20.0, 2.0)
    assert (cost(ROWS), latency(ROWS)) == (1.0, 3.0)
    assert not any(metric.per_item for metric in (cost, tokens, calls, latency))


def test_what_is_unknown_is_said_and_no_zero() -> None:
    with pytest.raises(MetricError, match="latency is unknown for 4 of 4 cells: they have no 'seconds'"):
        latency(CELLS)
    with pytest.raises(MetricError, match="cost is unknown for 1 of 3 cells"):
        cost([*ROWS, SimpleNamespace(cost=None)])
    with pytest.raises(MetricError, match="tokens needs cells"):
        tokens([])


@pytest.mark.parametrize(("k", "threshold", "value"), [(1, 1.0, 0.25), (2, 1.0, 0.5), (2, 0.5, 1.0)])
def test_pass_at_k_over_repeats(k: int, threshold: float, value: float) -> None:
    assert pass_at_k_of_cells(k, threshold=threshold)(CELLS) == pytest.approx(value)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (CELLS[:3], "1 of 2 have fewer; evaluate with repeats=2"),
        ([replace(CELLS[0], score=None), *CELLS[1:]], "1 of 2 have fewer"),
        ([replace(CELLS[0], candidate="d"), *CELLS[1:]], "belong to several"),
    ],
)
def test_too_few_repeats_are_an_error(cells: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        pass_at_k_of_cells(2)(cells)
