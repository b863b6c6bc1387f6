"""Simulations with a known truth: how often intervals cover, tests err and plans come out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from hyperfunc.analysis.certificate import Pair, figures_of
from hyperfunc.evaluation.statistics import (
    benjamini_hochberg,
    fit_prior,
    holm,
    log_capitals,
    paired_interval,
    permutation_p,
    sequential_test,
    smallest_difference,
    smooth_rates,
    variance_components,
    within_group_p,
)
from hyperfunc.rng import generator

SHARES = (0.1, 0.6, 0.3)
"""How often the first candidate loses, ties and wins an example: a gain of 0.2."""

EVEN = (0.2, 0.6, 0.2)
"""The same for equals."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened in independent repetitions."""

    hits: int
    repetitions: int

    @property
    def value(self) -> float:
        return self.hits / self.repetitions

    def margin(self, expected: float) -> float:
        """The 99 % binomial error of a rate that should be ``expected``."""
        return NormalDist().inv_cdf(0.99) * math.sqrt(expected * (1 - expected) / self.repetitions)


def clustered(
    rng: np.random.Generator,
    clusters: int,
    size: int,
    correlation: float,
    shares: tuple[float, float, float] = SHARES,
) -> NDArray[np.float64]:
    """Differences of two right-or-wrong candidates, shape ``(clusters, size)``."""
    outcomes = np.array([-1.0, 0.0, 1.0])
    shared_C1 = rng.choice(outcomes, (clusters, 1), p=shares)
    own_CS = rng.choice(outcomes, (clusters, size), p=shares)
    copies_CS = rng.random((clusters, size)) < math.sqrt(correlation)
    return np.where(copies_CS, shared_C1, own_CS)


def interval_coverage(
    repetitions: int, clusters: int, size: int, correlation: float, resamples: int = 4000
) -> Rate:
    """How often the 95 % interval of clustered differences holds the true gain."""
    groups = np.repeat(np.arange(clusters), size).tolist()
    truth, hits = SHARES[2] - SHARES[0], 0
    for seed in range(repetitions):
        rng = generator("coverage", clusters, size, correlation, seed)
        values = clustered(rng, clusters, size, correlation).ravel()
        interval = paired_interval(values, groups=groups, seed=seed, resamples=resamples)
        hits += interval.low <= truth <= interval.high
    return Rate(hits, repetitions)


def certified_coverage(repetitions: int, clusters: int, size: int, correlation: float) -> Rate:
    """The same for the interval of a certificate."""
    truth, hits = SHARES[2] - SHARES[0], 0
    for seed in range(repetitions):
        rng = generator("coverage", clusters, size, correlation, seed)
        values_CS = clustered(rng, clusters, size, correlation)
        pairs = [
            Pair(f"{c} {n}", str(c), 1.0, 0.5 - value / 2, 0.5 + value / 2)
            for c, row in enumerate(values_CS.tolist())
            for n, value in enumerate(row)
        ]
        gain = figures_of(pairs, seed).gain
        hits += gain.low <= truth <= gain.high
    return Rate(hits, repetitions)


def sequence_error(
    repetitions: int, steps: int, mean: float, level: float = 0.95, concentration: float = 0
) -> Rate:
    """How often a sequence monitored at every step ever loses the true mean.

    Scores are right-or-wrong at concentration 0, else from a beta distribution of that concentration.
    """
    rng = generator("sequence", steps, mean, concentration)
    size = (repetitions, steps)
    if concentration:
        scores_RT = rng.beta(mean * concentration, (1 - mean) * concentration, size)
    else:
        scores_RT = (rng.random(size) < mean).astype(float)
    up_RT, down_RT = log_capitals(scores_RT, mean, level=level)
    lost_R = (np.maximum(up_RT, down_RT) >= math.log(2 / (1 - level))).any(1)
    return Rate(int(lost_R.sum()), repetitions)


def sequential_error(
    repetitions: int, clusters: int, size: int, correlation: float, level: float = 0.95
) -> Rate:
    """How often the sequential test on cluster means ever tells equals apart."""
    hits = 0
    for seed in range(repetitions):
        rng = generator("sequential", clusters, size, correlation, seed)
        means_C = clustered(rng, clusters, size, correlation, EVEN).mean(1)
        hits += sequential_test(means_C, level=level).winner != 0
    return Rate(hits, repetitions)


def sequential_stops(
    repetitions: int, steps: int, shares: tuple[float, float, float] = SHARES
) -> NDArray[np.float64]:
    """After how many differences the test found the better candidate; infinite where it did not."""
    stops = []
    for seed in range(repetitions):
        values = clustered(generator("stops", steps, shares, seed), steps, 1, 0.0, shares)[:, 0]
        test = sequential_test(values)
        stops.append(float(test.decided) if test.decided is not None and test.winner > 0 else math.inf)
    return np.array(stops)


def permutation_error(
    repetitions: int,
    groups: int,
    size: int,
    correlation: float = 0.0,
    *,
    within: bool = False,
    permutations: int = 2000,
) -> Rate:
    """How often a permutation test of equals has p <= 0.05: whole groups, or pairs within them."""
    labels = np.repeat(np.arange(groups), size).tolist()
    test = within_group_p if within else permutation_p
    hits = 0
    for seed in range(repetitions):
        rng = generator("permutation error", groups, size, correlation, seed)
        values = clustered(rng, groups, size, correlation, EVEN).ravel()
        hits += test(values, groups=labels, seed=seed, permutations=permutations) <= 0.05
    return Rate(hits, repetitions)


def family_error(repetitions: int, comparisons: int, true_share: float = 0.0) -> tuple[Rate, float]:
    """Holm's rate of any false finding and the mean share of false findings of Benjamini and Hochberg."""
    rng = generator("family", comparisons, true_share)
    real = round(comparisons * true_share)
    normal = NormalDist()
    any_false, false_shares = 0, []
    for _ in range(repetitions):
        shifted = rng.normal(size=comparisons) + np.where(np.arange(comparisons) < real, 3.0, 0.0)
        p_K = np.array([2 * normal.cdf(-abs(float(value))) for value in shifted])
        any_false += bool((holm(p_K)[real:] <= 0.05).any())
        found_K = benjamini_hochberg(p_K) <= 0.05
        false_shares.append(found_K[real:].sum() / max(1, found_K.sum()))
    return Rate(any_false, repetitions), float(np.mean(false_shares))


def smoothing_errors(
    repetitions: int, candidates: int, mean: float, strength: float, most_trials: int = 100
) -> tuple[float, float, float, float]:
    """Root mean squared error of raw and smoothed rates, and by how much each overstates the best."""
    rng = generator("smoothing", candidates, mean, strength)
    squares, excess = np.zeros(2), np.zeros(2)
    for _ in range(repetitions):
        truth_K = rng.beta(mean * strength, (1 - mean) * strength, candidates)
        trials_K = rng.integers(3, most_trials + 1, candidates)
        wins_K = rng.binomial(trials_K, truth_K)
        for place, rates_K in enumerate((wins_K / trials_K, smooth_rates(wins_K, trials_K).mean_K)):
            best = int(np.argmax(rates_K))
            squares[place] += np.mean((rates_K - truth_K) ** 2)
            excess[place] += rates_K[best] - truth_K[best]
    raw, smooth = np.sqrt(squares / repetitions)
    return float(raw), float(smooth), float(excess[0] / repetitions), float(excess[1] / repetitions)


def prior_strengths(
    repetitions: int, candidates: int, trials: int, mean: float, strength: float
) -> NDArray[np.float64]:
    """The strengths learnt from candidates that were drawn from a known prior."""
    rng = generator("prior", candidates, trials, mean, strength)
    truth_RK = rng.beta(mean * strength, (1 - mean) * strength, (repetitions, candidates))
    wins_RK = rng.binomial(trials, truth_RK)
    return np.array([fit_prior(wins_K, np.full(candidates, trials)).strength for wins_K in wins_RK])


def component_means(
    repetitions: int,
    items: int,
    repeats: int,
    judges: int,
    truth: tuple[float, float, float, float],
    keep: float = 1.0,
) -> NDArray[np.float64]:
    """Mean estimates of the item, repeat, judge and residual variance when a share ``keep`` is there."""
    rng = generator("components", items, repeats, judges, truth, keep)
    item_s, repeat_s, judge_s, residual_s = np.sqrt(truth)
    grid = np.indices((items, repeats, judges)).reshape(3, -1)
    total = np.zeros(4)
    for _ in range(repetitions):
        values = (
            item_s * rng.normal(size=(items, 1, 1))
            + repeat_s * rng.normal(size=(items, repeats, 1))
            + judge_s * rng.normal(size=(1, 1, judges))
            + residual_s * rng.normal(size=(items, repeats, judges))
        ).ravel()
        kept = rng.random(values.size) < keep
        item, repeat, judge = (codes[kept].tolist() for codes in grid)
        parts = variance_components(values[kept], item, repeats_N=repeat, judges_N=judge)
        total += [parts.item, parts.repeat, parts.judge, parts.residual]
    return total / repetitions


def power_reached(repetitions: int, clusters: int, size: int, correlation: float, power: float = 0.8) -> Rate:
    """How often a t test over cluster means finds the difference that was promised to be resolvable."""
    rng = generator("power", clusters, size, correlation, power)
    gain = smallest_difference(
        clusters * size, deviation=1.0, cluster_size=size, correlation=correlation, power=power
    )
    shared_RC1 = math.sqrt(correlation) * rng.normal(size=(repetitions, clusters, 1))
    own_RCS = math.sqrt(1 - correlation) * rng.normal(size=(repetitions, clusters, size))
    means_RC = gain + (shared_RC1 + own_RCS).mean(2)
    t_R = means_RC.mean(1) / (means_RC.std(1, ddof=1) / math.sqrt(clusters))
    # The test's own quantile: what is resolvable at a power of nearly one half with a spread of one.
    critical = smallest_difference(clusters, deviation=math.sqrt(clusters), power=0.5 + 1e-9)
    return Rate(int(np.sum(np.abs(t_R) > critical)), repetitions)
