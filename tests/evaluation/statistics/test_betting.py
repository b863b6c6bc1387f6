from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.evidence.simulations import EVEN, sequence_error, sequential_error, sequential_stops
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import (
    cluster_means,
    confidence_sequence,
    log_capitals,
    mean_interval,
    sequential_test,
)

scores = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_capital_by_hand() -> None:
    # First bet: variance 1/4, t = 1. Second: mean (1/2 + 1)/2, variance (1/4 + 1/16)/2, t = 2.
    first = math.sqrt(2 * math.log(40) / (0.25 * math.log(2)))
    second = math.sqrt(2 * math.log(40) / (0.15625 * 2 * math.log(3)))
    up_T, down_T = log_capitals(np.array([1.0, 0.25]), 0.25)
    lost = math.log(1 - min(first, 0.5 / 0.75) * 0.75)
    assert up_T == pytest.approx([math.log(1 + min(first, 2.0) * 0.75)] * 2)
    assert down_T == pytest.approx([lost, lost])
    assert second > 2.0
    assert log_capitals(np.array([1.0, 0.0]), 0.25)[0][1] == pytest.approx(math.log(2.5 * 0.5))


def test_a_bet_that_is_not_cut_uses_the_variance_so_far() -> None:
    values = np.array([0.5, 0.5, 0.5, 0.5, 0.7] * 80)
    up_T, _ = log_capitals(values, 0.05)
    count = len(values) - 1
    means = (0.5 + np.cumsum(values)) / np.arange(2, len(values) + 2)
    variance = (0.25 + np.sum((values[:count] - means[:count]) ** 2)) / (count + 1)
    bet = math.sqrt(2 * math.log(40) / (variance * (count + 1) * math.log(count + 2)))
    assert bet < 0.5 / 0.05
    assert up_T[-1] - up_T[-2] == pytest.approx(math.log(1 + bet * (values[-1] - 0.05)))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_capital_is_a_fair_game(steps: int) -> None:
    # Over all right-or-wrong sequences, weighted by their probability, both bettors hold 1 on average.
    for mean in (0.2, 0.5, 0.9):
        total = np.zeros(2)
        for code in range(2**steps):
            values = np.array([code >> step & 1 for step in range(steps)], float)
            weight = np.prod(np.where(values == 1, mean, 1 - mean))
            total += weight * np.exp([capital[-1] for capital in log_capitals(values, mean)])
        assert total == pytest.approx([1.0, 1.0])


@settings(max_examples=25, deadline=None)
@given(scores)
def test_law_sequences_shrink_and_turn_round_with_the_scores(values: list[float]) -> None:
    one = confidence_sequence(values, resolution=100)
    other = confidence_sequence(1.0 - np.array(values), resolution=100)
    assert (np.diff(one.low_T) >= 0).all()
    assert (np.diff(one.high_T) <= 0).all()
    np.testing.assert_allclose(other.low_T, 1 - one.high_T, atol=0.0101)
    np.testing.assert_allclose(other.high_T, 1 - one.low_T, atol=0.0101)


@settings(max_examples=25, deadline=None)
@given(scores, st.integers(1, 40))
def test_law_what_comes_later_does_not_change_what_was_said(values: list[float], cut: int) -> None:
    whole, part = confidence_sequence(values, resolution=50), confidence_sequence(values[:cut], resolution=50)
    np.testing.assert_array_equal(whole.low_T[:cut], part.low_T)
    np.testing.assert_array_equal(whole.high_T[:cut], part.high_T)


@settings(max_examples=25, deadline=None)
@given(scores, st.floats(-5, 5), st.floats(0.1, 10))
def test_law_the_unit_of_the_scores_does_not_matter(values: list[float], floor: float, width: float) -> None:
    plain = confidence_sequence(values, resolution=50)
    moved = confidence_sequence(
        np.clip(floor + width * np.array(values), floor, floor + width),
        bounds=(floor, floor + width),
        resolution=50,
    )
    np.testing.assert_allclose(moved.low_T, floor + width * plain.low_T, atol=0.021 * width)


def test_ends_are_the_means_that_the_capital_rules_out() -> None:
    values = (np.random.default_rng(0).random(120) < 0.7).astype(float)
    last = confidence_sequence(values, resolution=200).last
    for mean in np.arange(1, 200) / 200:
        up_T, down_T = log_capitals(values, float(mean))
        lost_low, lost_high = up_T.max() >= math.log(40), down_T.max() >= math.log(40)
        assert lost_low == (mean <= last.low + 1e-9)
        assert lost_high == (mean >= last.high - 1e-9)
    assert 0.5 < last.low < values.mean() < last.high < 0.9
    assert last.method == "betting"


def test_wider_bounds_leave_more_doubt() -> None:
    plain, wide = confidence_sequence([1.0] * 60).last, confidence_sequence([1.0] * 60, bounds=(-1, 1)).last
    assert 0.5 < plain.low < 1.0
    assert wide.low == pytest.approx(2 * plain.low - 1)
    assert wide.high == plain.high == wide.estimate == 1.0


def test_a_sequence_is_wider_than_an_interval_and_narrower_when_scores_agree() -> None:
    rng = np.random.default_rng(1)
    noisy, calm = (rng.random(400) < 0.5).astype(float), rng.uniform(0.45, 0.55, 400)
    fixed, sequence = mean_interval(noisy), confidence_sequence(noisy).last
    assert fixed.high - fixed.low < sequence.high - sequence.low < 3 * (fixed.high - fixed.low)
    assert confidence_sequence(calm).last.high - confidence_sequence(calm).last.low < 0.06


@pytest.mark.parametrize(("mean", "concentration"), [(0.5, 0.0), (0.9, 0.0), (0.7, 4.0)])
def test_watching_every_step_loses_the_truth_no_more_often_than_said(
    mean: float, concentration: float
) -> None:
    # 5 % plus the 99 % binomial error of 1,000 sequences.
    assert sequence_error(1000, 200, mean, concentration=concentration).value <= 0.066


def test_a_lower_level_errs_more() -> None:
    assert 0.05 < sequence_error(1000, 200, 0.5, level=0.7).value <= 0.334


@pytest.mark.parametrize(("clusters", "size", "correlation"), [(120, 1, 0.0), (40, 5, 0.3)])
def test_equals_are_told_apart_no_more_often_than_said(clusters: int, size: int, correlation: float) -> None:
    assert sequential_error(400, clusters, size, correlation).value <= 0.076


def test_a_better_candidate_is_found_and_sooner_when_it_is_much_better() -> None:
    clear, slight = sequential_stops(60, 300, (0.0, 0.5, 0.5)), sequential_stops(60, 300)
    assert np.median(clear) < 30 < np.median(slight) < 150
    assert np.isfinite(slight).mean() > 0.85
    assert np.isfinite(sequential_stops(60, 300, EVEN)).mean() <= 0.1


@settings(max_examples=40)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_law_exchanging_candidates_exchanges_the_winner(values: list[float]) -> None:
    one, other = sequential_test(values), sequential_test([-value for value in values])
    np.testing.assert_allclose(one.p_T, other.p_T, rtol=1e-9)
    assert (one.winner, one.decided) == (-other.winner, other.decided)
    assert (np.diff(one.p_T) <= 0).all()
    assert ((one.p_T > 0) & (one.p_T <= 1)).all()


def test_ties_say_nothing() -> None:
    test = sequential_test([0.0] * 50)
    assert (test.winner, test.decided) == (0, None)
    assert test.p_T[-1] == 1.0


def test_a_decision_stands_at_the_first_small_p_value() -> None:
    test = sequential_test([-1.0] * 40)
    assert test.winner == -1
    assert test.decided is not None
    assert test.p_T[test.decided - 1] <= 0.05 < test.p_T[test.decided - 2]
    assert test.capital_T[-1] > 20


def test_long_sequences_neither_overflow_nor_take_long() -> None:
    assert sequential_test([1.0] * 20_000).p_T[-1] == pytest.approx(0.0, abs=1e-300)
    assert confidence_sequence([1.0] * 20_000, resolution=50).last.low == pytest.approx(0.98)


def test_clusters_are_averaged_in_order_of_appearance() -> None:
    assert cluster_means([1, 0, 4, 2], ["b", "a", "b", "a"]).tolist() == [2.5, 1.0]


@pytest.mark.parametrize("values", [[], [0.5, 1.5], [math.nan], [[0.5]]])
def test_scores_that_are_not_bounded_are_refused(values: list[float]) -> None:
    with pytest.raises(MetricError):
        confidence_sequence(values)
    with pytest.raises(MetricError):
        sequential_test(values)


@pytest.mark.parametrize("arguments", [{"level": 0.0}, {"bounds": (1.0, 0.0)}, {"resolution": 1}])
def test_wrong_settings_are_named(arguments: dict[str, object]) -> None:
    with pytest.raises(MetricError, match=next(iter(arguments))):
        confidence_sequence([0.5], **arguments)  # type: ignore[arg-type]
