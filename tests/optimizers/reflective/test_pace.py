"""How many proposals are under way at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.reflective import ByGain, Constant

GAINS = st.lists(st.floats(-1, 1), max_size=40).map(tuple)


@given(GAINS, st.integers(1, 300), st.floats(1, 10), st.floats(0.01, 10), st.floats(0, 500))
def test_between_one_and_three_for_each_worker(
    gains: tuple[float, ...], workers: int, first: float, scale: float, power: float
) -> None:
    count = ByGain(first, 3.0, scale, power).proposals(gains, workers)
    assert 1 <= count <= 3 * workers


def test_few_while_gains_are_large_and_more_when_they_fall() -> None:
    pace = ByGain(first=3.0, every=3.0)
    assert pace.proposals((), 16) == 3
    assert pace.proposals((0.3,) * 12, 16) == 3
    assert ByGain(first=3.0, every=3.0, least=1).proposals((0.3,) * 12, 16) == 1
    assert pace.proposals((0.1,) * 90, 16) == 9
    assert pace.proposals((-0.1,) * 90, 16) == 33
    assert pace.proposals((-0.1,) * 900, 16) == 48
    assert pace.proposals((*(0.5,) * 90, *(0.0,) * 12), 16) == 37, "only the last ones count"


def test_a_constant_pace_is_constant() -> None:
    assert Constant(5).proposals((0.3,) * 9, 2) == 5


@pytest.mark.parametrize(
    "wrong", [{"first": 0.5}, {"every": 0.0}, {"scale": 0.0}, {"power": -1.0}, {"window": 0}, {"least": 0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpaceError):
        ByGain(**wrong)
    with pytest.raises(SpaceError):
        Constant(0)
