"""What a run keeps: the values of everything it tried, and a word when a lane cannot be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperfunc import Grid, HyperSystem, Ledger, Real


class Level(HyperSystem):
    """Returns its own knob."""

    height = Real(0, 1, default=0.0)

    def run(self, x: float) -> float:
        """The knob."""
        return self.height


class Opaque(HyperSystem):
    """Returns what JSON does not know."""

    def run(self, x: float) -> object:
        """An object."""
        return object()


def top(preds: list[float], expected: list[None]) -> float:
    return max(preds)


def test_the_values_of_every_trial_are_in_the_ledger(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        result = Level().optimize([({"x": 1.0}, None)], top, optimizer=Grid(5), ledger=ledger)
        rows = ledger.candidates(result.run_id)
        assert {0.0, 0.25, 0.5, 0.75, 1.0} <= {row.value["height"] for row in rows}
        assert len({row.id for row in rows}) == len(rows)


def test_a_prediction_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="prediction of type object"):
        Opaque().evaluate([({"x": 1.0}, None)] * 3, lambda preds, expected: 1.0, ledger=tmp_path)
