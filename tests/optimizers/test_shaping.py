from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.optimizers.shaping import natural_utilities, z_scores

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=40).map(np.array)
tied = st.lists(st.sampled_from([0.0, 0.5, 1.0, math.nan]), min_size=1, max_size=40).map(np.array)


@given(st.one_of(values, tied))
def test_law_weights_sum_to_zero_and_missing_members_weigh_nothing(values_K: np.ndarray) -> None:
    for weights_K in (natural_utilities(values_K), z_scores(values_K)):
        assert abs(weights_K.sum()) < 1e-6
        assert not weights_K[np.isnan(values_K)].any()


@given(st.one_of(values, tied), st.floats(0.1, 10), st.floats(-5, 5))
def test_law_ranks_ignore_the_scale(values_K: np.ndarray, factor: float, shift: float) -> None:
    rounded = np.round(values_K, 3)
    assert np.allclose(natural_utilities(rounded), natural_utilities(np.round(rounded * 8, 3)))


@given(tied)
def test_law_ties_share_their_weight(values_K: np.ndarray) -> None:
    weights_K = natural_utilities(values_K)
    for value in (0.0, 0.5, 1.0):
        assert len(set(weights_K[values_K == value].round(12))) <= 1


def test_the_weights_are_those_of_the_paper() -> None:
    raw = [math.log(3) - math.log(rank) for rank in (1, 2)] + [0.0, 0.0]
    expected = np.array(raw) / sum(raw) - 0.25
    assert np.allclose(natural_utilities(np.array([4.0, 3.0, 2.0, 1.0])), expected)


def test_one_outlier_does_not_outweigh_the_rest() -> None:
    assert (
        natural_utilities(np.array([1e9, 3.0, 2.0, 1.0]))[0] == natural_utilities(np.array([4.0, 3, 2, 1]))[0]
    )


def test_a_plateau_moves_nothing() -> None:
    assert not natural_utilities(np.full(8, 0.3)).any()
    assert not z_scores(np.full(8, 0.1 + 0.2)).any()
    assert not z_scores(np.array([math.nan, 1.0])).any()


def test_z_scores_have_variance_one() -> None:
    scores_K = z_scores(np.array([1.0, 2.0, math.nan, 6.0]))
    assert scores_K[[0, 1, 3]].std() == 1.0
