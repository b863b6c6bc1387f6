from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.optimizers.shaping import (
    centred_ranks,
    complete_pairs,
    group_scores,
    natural_utilities,
    shaped,
    z_scores,
)

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=40).map(np.array)
tied = st.lists(st.sampled_from([0.0, 0.5, 1.0, math.nan]), min_size=1, max_size=40).map(np.array)


@given(st.one_of(values, tied))
def test_law_weights_sum_to_zero_and_missing_members_weigh_nothing(values_K: np.ndarray) -> None:
    for weights_K in (natural_utilities(values_K), centred_ranks(values_K), z_scores(values_K)):
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


def test_centred_ranks_are_even_steps_and_ties_share() -> None:
    assert np.allclose(centred_ranks(np.array([7.0, math.nan, -1.0, 900.0])), [0.0, 0.0, -0.5, 0.5])
    assert np.allclose(centred_ranks(np.array([1.0, 2.0, 2.0])), [-0.5, 0.25, 0.25])
    assert np.mean(shaped("rank", np.random.default_rng(0).normal(size=50)) ** 2) == pytest.approx(1)


def test_a_pair_counts_whole_or_not_at_all() -> None:
    pairs = complete_pairs(np.array([1.0, math.nan, 2.0, 3.0, math.inf, 4.0]))
    assert np.array_equal(np.isfinite(pairs), [False, False, True, True, False, False])


tables = st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).normal(size=(8, 5)))


@given(tables, st.floats(-100, 100), st.floats(0.1, 10))
def test_law_groups_ignore_how_hard_an_example_is(scores_KN: np.ndarray, shift: float, factor: float) -> None:
    weights_K = group_scores(scores_KN)
    moved = factor * scores_KN + shift * np.arange(5)
    assert np.allclose(group_scores(moved), weights_K, atol=1e-6)
    centred_KN = scores_KN - scores_KN.mean(axis=0)
    assert np.allclose(weights_K, centred_KN.mean(axis=1) / centred_KN.std())
    assert np.mean(weights_K**2) <= 1


def test_groups_of_members_that_miss_examples() -> None:
    scores_KN = np.array([[0.0, 10.0], [1.0, math.nan], [math.nan, math.nan], [2.0, 12.0]])
    weights_K = group_scores(scores_KN)
    assert weights_K[2] == 0
    assert weights_K[0] < weights_K[1] < weights_K[3]
    assert weights_K.sum() == pytest.approx(0)
    assert not group_scores(np.ones((4, 3))).any()
