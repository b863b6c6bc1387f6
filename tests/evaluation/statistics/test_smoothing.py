from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.evidence.simulations import prior_strengths, smoothing_errors
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import BetaPrior, fit_prior, smooth_rates

counts = st.lists(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=12
)


def test_the_prior_by_hand() -> None:
    # p = 1/2, S = 20 (9 + 9 + 0 + 0) / 100 = 3.6, rho = (14.4 - 3) / (80 - 20 - 3) = 0.2.
    prior = fit_prior([4, 16, 10, 10], [20] * 4)
    assert prior.mean == pytest.approx(0.5)
    assert prior.strength == pytest.approx(1 / 0.2 - 1)


def test_the_posterior_by_hand() -> None:
    smoothed = smooth_rates([3, 0], [4, 0], prior=BetaPrior(0.25, 4.0))
    # Beta(1 + 3, 3 + 1) and the prior itself, Beta(1, 3).
    assert smoothed.mean_K == pytest.approx([0.5, 0.25])
    assert smoothed.deviation_K == pytest.approx([math.sqrt(0.25 / 9), math.sqrt(0.1875 / 5)])


def test_counts_spread_as_the_prior_says_give_the_prior_back() -> None:
    trials, a, b = 6, 2.0, 3.0

    def log_beta(x: float, y: float) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    share = [
        math.comb(trials, k) * math.exp(log_beta(k + a, trials - k + b) - log_beta(a, b))
        for k in range(trials + 1)
    ]
    wins = np.repeat(np.arange(trials + 1), np.round(np.array(share) * 100_000).astype(int))
    prior = fit_prior(wins, np.full(len(wins), trials))
    assert prior.mean == pytest.approx(0.4, abs=1e-3)
    assert prior.strength == pytest.approx(5.0, rel=1e-3)


@settings(max_examples=60)
@given(counts)
def test_law_rates_move_towards_the_mean_and_keep_their_order_of_equals(cells: list[tuple[int, int]]) -> None:
    wins, trials = np.array(cells, float).T
    smoothed = smooth_rates(wins, trials)
    raw = wins / trials
    low, high = np.minimum(raw, smoothed.prior.mean), np.maximum(raw, smoothed.prior.mean)
    assert ((smoothed.mean_K >= low - 1e-9) & (smoothed.mean_K <= high + 1e-9)).all()
    assert (smoothed.deviation_K > 0).all()
    assert 1 <= smoothed.prior.strength <= trials.sum() + 1e-9


@settings(max_examples=60)
@given(counts)
def test_law_successes_and_failures_mirror_each_other(cells: list[tuple[int, int]]) -> None:
    wins, trials = np.array(cells, float).T
    one, other = smooth_rates(wins, trials), smooth_rates(trials - wins, trials)
    np.testing.assert_allclose(one.mean_K, 1 - other.mean_K, atol=1e-9)
    np.testing.assert_allclose(one.deviation_K, other.deviation_K, atol=1e-9)


def test_less_spread_than_chance_draws_all_to_one_rate() -> None:
    smoothed = smooth_rates([5, 5, 6], [10, 10, 10])
    assert smoothed.prior.strength == 30
    assert np.ptp(smoothed.mean_K) < 0.03


def test_one_trial_each_says_nothing_of_the_spread() -> None:
    assert fit_prior([1, 0, 1, 0], [1, 1, 1, 1]) == BetaPrior(0.5, 4.0)


@pytest.mark.parametrize(("wins", "mean"), [([0, 0], 0.5 / 21), ([10, 10], 20.5 / 21)])
def test_no_or_only_successes_are_no_certainty(wins: list[int], mean: float) -> None:
    assert fit_prior(wins, [10, 10]).mean == pytest.approx(mean)
    assert (smooth_rates(wins, [10, 10]).deviation_K > 0.01).all()


def test_the_strength_of_a_known_prior_is_found() -> None:
    assert np.median(prior_strengths(100, 60, 50, 0.7, 20.0)) == pytest.approx(20.0, rel=0.2)


def test_noise_left_in_the_moments_would_find_a_weaker_prior() -> None:
    rng = np.random.default_rng(0)
    wins = rng.binomial(20, rng.beta(30, 30, 200))
    rates = wins / 20
    naive = rates.mean() * (1 - rates.mean()) / rates.var() - 1
    assert fit_prior(wins, np.full(200, 20)).strength > 2 * naive


def test_smoothed_rates_are_nearer_the_truth_and_do_not_flatter_the_best() -> None:
    raw, smooth, flattered, honest = smoothing_errors(100, 25, 0.7, 40)
    assert smooth < 0.75 * raw
    assert flattered > 0.08
    assert abs(honest) < 0.03


@pytest.mark.parametrize(
    ("wins", "trials"),
    [
        ([1], [2]),
        ([], []),
        ([1, 2], [2]),
        ([3, 1], [2, 2]),
        ([-1, 1], [2, 2]),
        ([0, 0], [0, 2]),
        ([1, math.nan], [2, 2]),
    ],
)
def test_what_is_no_count_is_refused(wins: list[float], trials: list[float]) -> None:
    with pytest.raises(MetricError):
        smooth_rates(wins, trials)


@pytest.mark.parametrize(("mean", "strength"), [(0.0, 1.0), (1.0, 1.0), (0.5, 0.0), (0.5, math.inf)])
def test_what_is_no_prior_is_refused(mean: float, strength: float) -> None:
    with pytest.raises(MetricError):
        BetaPrior(mean, strength)
