"""With an empty test set every example is learnt from, and nothing is certified."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperfunc import Example, HyperSystem, Real
from hyperfunc.optimizers import SNES


class Line(HyperSystem):
    slope = Real(0, 1, default=0.1)

    def run(self, x: float) -> float:
        return self.slope * x


def close(example: Example, pred: float) -> float:
    return 1 - abs(pred - example.expected)


@pytest.mark.parametrize("empty", [(), [], iter(())])
def test_nothing_is_held_out(empty: object, tmp_path: Path) -> None:
    data = [Example({"x": n / 30}, 0.7 * n / 30) for n in range(30)]
    options = {"optimizer": SNES(steps=4), "ledger": tmp_path}
    all_of_them = Line().optimize(data, close, test=empty, **options)
    assert all_of_them.certificate is None
    assert all_of_them.gain is None
    assert all_of_them.history[0].n_lanes % 30 == 0
    assert Line().optimize(data, close, **options).certificate is not None
