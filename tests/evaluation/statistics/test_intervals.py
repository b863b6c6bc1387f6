from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import Interval, mean_interval, paired_interval, standard_error

differences = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


@settings(max_examples=40)
@given(differences, st.integers(0, 9))
def test_law_the_interval_is_ordered_and_holds_its_estimate(values: list[float], seed: int) -> None:
    interval = paired_interval(values, seed=seed, resamples=200)
    assert interval.low <= interval.estimate + 1e-9
    assert interval.estimate <= interval.high + 1e-9
    assert interval.estimate == pytest.approx(np.mean(values), abs=1e-12)
    assert math.isfinite(interval.low)
    assert math.isfinite(interval.high)


@settings(max_examples=40)
@given(differences, st.integers(0, 9))
def test_law_turning_the_comparison_round_turns_the_interval_round(values: list[float], seed: int) -> None:
    one = paired_interval(values, seed=seed, resamples=200)
    other = paired_interval([-value for value in values], seed=seed, resamples=200)
    assert other.low == pytest.approx(-one.high, abs=1e-9)
    assert other.high == pytest.approx(-one.low, abs=1e-9)


@settings(max_examples=40)
@given(differences, st.randoms(use_true_random=False))
def test_law_groups_of_one_are_no_groups(values: list[float], random: object) -> None:
    groups = [f"g{place}" for place in range(len(values))]
    assert paired_interval(values, groups=groups, resamples=200) == paired_interval(values, resamples=200)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=30)
    assert paired_interval(values, seed=3) == paired_interval(values, seed=3)
    assert paired_interval(values, seed=3) != paired_interval(values, seed=4)


@pytest.mark.parametrize(("count", "least"), [(8, 0.87), (20, 0.88), (60, 0.89)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(count: int, least: float) -> None:
    hits = 0
    for seed in range(120):
        values = np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], count, p=[0.1, 0.6, 0.3])
        interval = paired_interval(values, seed=seed, resamples=250)
        hits += interval.low <= 0.2 <= interval.high
    assert least <= hits / 120 <= 0.995


def test_groups_that_move_together_make_the_interval_wider() -> None:
    hits = {"grouped": 0, "loose": 0}
    for seed in range(100):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(size=15), 6) + 0.3 * rng.normal(size=90)
        groups = np.repeat(np.arange(15), 6).tolist()
        for name, kept in (("grouped", groups), ("loose", None)):
            interval = paired_interval(values, groups=kept, resamples=300)
            hits[name] += interval.low <= 0 <= interval.high
    assert hits["grouped"] >= 88
    assert hits["loose"] <= 75


def test_two_to_four_groups_use_student() -> None:
    interval = paired_interval([0.1, 0.3, 0.2])
    assert interval.method == "Student t"
    # 4.302653 is the tabled quantile for 2 degrees of freedom; the standard error is 0.1 / sqrt(3).
    assert interval.high - 0.2 == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-5)


def test_one_group_says_nothing() -> None:
    interval = paired_interval([0.4, 0.6], groups=["a", "a"])
    assert (interval.low, interval.high, interval.method) == (-1.0, 1.0, "one group")
    assert mean_interval([0.7]).low == 0.0


@pytest.mark.parametrize("count", [2, 3, 10, 100])
def test_agreement_of_few_examples_is_no_certainty(count: int) -> None:
    interval = paired_interval([1.0] * count)
    assert interval.method == "no spread"
    assert interval.high == 1.0
    # Clopper and Pearson's bound for a share of 0 of `count`, times a drop from 1 to -1.
    assert interval.low == pytest.approx(1 - 2 * (1 - 0.025 ** (1 / count)))
    assert paired_interval([0.0] * count).low < 0 < paired_interval([0.0] * count).high


def test_a_clear_gain_excludes_zero_and_chance_does_not() -> None:
    rng = np.random.default_rng(1)
    assert paired_interval(rng.normal(0.3, 0.5, 60)).low > 0
    assert paired_interval(rng.normal(0.0, 0.5, 60)).low < 0


def test_a_wider_level_gives_a_wider_interval() -> None:
    values = np.random.default_rng(2).normal(size=25)
    narrow, wide = (paired_interval(values, level=level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("size", [1e-9, 1e6])
def test_the_unit_of_the_scores_does_not_matter(size: float) -> None:
    values = np.random.default_rng(3).normal(size=25)
    plain, scaled = paired_interval(values), paired_interval(values * size)
    assert scaled.low == pytest.approx(plain.low * size, rel=1e-6)


def test_many_groups_stay_within_memory_and_time() -> None:
    values = np.random.default_rng(4).normal(size=20_000)
    assert paired_interval(values, resamples=500).high == pytest.approx(
        np.mean(values) + 1.96 / 141.4, abs=3e-3
    )


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ([], {}),
        ([0.1, math.nan], {}),
        ([0.1, math.inf], {}),
        ([[0.1]], {}),
        ([0.1, 0.2], {"groups": ["a"]}),
        ([0.1, 0.2], {"level": 1.0}),
        ([0.1, 0.2], {"resamples": 5}),
    ],
)
def test_what_cannot_be_compared_is_refused(values: list[float], arguments: dict[str, object]) -> None:
    with pytest.raises(MetricError):
        paired_interval(values, **arguments)  # type: ignore[arg-type]


def test_an_interval_reads_well() -> None:
    assert str(Interval(0.05, 0.2, 0.123, 0.95, "BCa bootstrap")) == "+0.123 [+0.050, +0.200] at 95%"


# Sums of such numbers are exact, so that ties of resampled means stay ties.
eighths = st.integers(-8, 8).map(lambda n: n / 8)
rows_of = st.tuples(eighths, st.sampled_from((0.5, 1.0, 4.0)), st.sampled_from("abcdefgh"))
weighted = st.lists(rows_of, min_size=1, max_size=40)


@settings(max_examples=40)
@given(weighted)
def test_law_the_estimate_is_the_weighted_mean_and_scale_is_nothing(
    rows: list[tuple[float, float, str]],
) -> None:
    values, weights, groups = map(list, zip(*rows, strict=True))
    interval = paired_interval(values, groups=groups, weights=weights, resamples=200)
    twice = paired_interval(values, groups=groups, weights=[2 * w for w in weights], resamples=200)
    assert interval.estimate == pytest.approx(np.average(values, weights=weights), abs=1e-12)
    assert (twice.low, twice.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    # With weights that are whole numbers, an example of weight 4 is four examples of its group.
    times = np.repeat(np.arange(len(values)), [round(2 * w) for w in weights])
    copies = paired_interval([values[n] for n in times], groups=[groups[n] for n in times], resamples=200)
    assert (copies.low, copies.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_weights_do_not_carry_equal_scores_beyond_what_scores_can_be() -> None:
    interval = mean_interval([1.0] * 20, weights=[1.0, 9.0] * 10)
    assert (interval.estimate, interval.high, interval.method) == (1.0, 1.0, "no spread")
    assert interval.low < 1.0


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, math.nan]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(MetricError, match="2 values need as many positive weights"):
        mean_interval([0.0, 1.0], weights=weights)


def test_the_standard_error_is_that_of_textbooks_and_grows_with_groups_that_move_together() -> None:
    values = np.random.default_rng(0).normal(size=40)
    assert standard_error(values) == pytest.approx(values.std(ddof=1) / math.sqrt(40))
    moved = np.repeat([0.0, 1.0], 20) + values * 0.01
    assert standard_error(moved, groups=["a"] * 20 + ["b"] * 20) > 5 * standard_error(moved)
    assert math.isnan(standard_error([1.0, 2.0], groups=["a", "a"]))
