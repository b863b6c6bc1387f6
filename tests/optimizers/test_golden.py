"""Recorded recommendations: a change of any optimizer's decisions is seen here, wanted or not.

To record anew, run this file: ``python -m tests.optimizers.test_golden``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tests.optimizers.test_conformance import OPTIMIZERS, played, space

RECORD = Path(__file__).with_name("recorded.csv")


def recommended(name: str) -> list[str]:
    """The best candidate after eight asks with seed 7, knob by knob; numbers to four digits."""
    state, _ = played(OPTIMIZERS[name], seed=7)
    best = OPTIMIZERS[name].recommend(state)[0]
    numbers = [f"{number:.4g}" for number in space().ravel(best)]
    shown = [item.input for item in best["say.exemplars"]]
    return [name, best["say.prompt"], best["mode"], "+".join(shown), " ".join(numbers)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_recommendation_is_the_recorded_one(name: str) -> None:
    with RECORD.open(encoding="utf-8", newline="") as file:
        recorded = {row[0]: row for row in csv.reader(file)}
    assert recommended(name) == recorded[name]


if __name__ == "__main__":
    with RECORD.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(map(recommended, OPTIMIZERS))
