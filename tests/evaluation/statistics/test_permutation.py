from __future__ import annotations

import itertools

import numpy as np
import pytest
from benchmarks.evidence.simulations import permutation_error
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import permutation_p, within_group_p


def test_exact_p_values_count_all_flips() -> None:
    assert permutation_p([1.0]) == 1.0
    assert permutation_p([1.0] * 5) == pytest.approx(2 / 32)
    assert permutation_p([1.0, 2.0, -0.5]) == pytest.approx(4 / 8)


def test_weights_say_how_much_a_flip_moves() -> None:
    assert permutation_p([1.0, 1.0, -1.0]) == 1.0
    assert permutation_p([1.0, 1.0, -1.0], weights=[4.0, 4.0, 1.0]) == 0.5


def test_groups_are_flipped_as_one() -> None:
    assert permutation_p([1.0] * 12, groups=["a"] * 6 + ["b"] * 6) == 0.5


def test_drawn_p_values_are_near_the_exact_ones_and_never_zero() -> None:
    rng = np.random.default_rng(5)
    clear, chance = permutation_p(rng.normal(1.0, 0.5, 40)), permutation_p(rng.normal(0.0, 1.0, 40))
    assert 0 < clear < 0.001
    assert chance > 0.01
    values = rng.normal(0.4, 1.0, 13)
    padded = np.concatenate([values, [0.0]])
    assert permutation_p(padded) == pytest.approx(permutation_p(values), abs=0.02)


def test_p_values_of_chance_are_uniform() -> None:
    values = [permutation_p(np.random.default_rng(seed).normal(size=10)) for seed in range(200)]
    assert np.mean(np.array(values) < 0.1) == pytest.approx(0.1, abs=0.06)


pairs = st.lists(st.tuples(st.integers(-2, 2), st.sampled_from("abc")), min_size=1, max_size=8)


@settings(max_examples=40)
@given(pairs)
def test_law_the_p_value_within_groups_is_the_share_of_all_exchanges(cells: list[tuple[int, str]]) -> None:
    values, groups = [float(value) for value, _ in cells], [group for _, group in cells]

    def statistic(signs: tuple[int, ...]) -> float:
        flipped = [sign * value for sign, value in zip(signs, values, strict=True)]
        means = [
            np.mean([value for value, own in zip(flipped, groups, strict=True) if own == group])
            for group in sorted(set(groups))
        ]
        return abs(float(np.mean(means)))

    seen = statistic((1,) * len(values))
    every = [statistic(signs) for signs in itertools.product((1, -1), repeat=len(values))]
    expected = np.mean([value >= seen - 1e-9 for value in every])
    assert within_group_p(values, groups=groups) == pytest.approx(expected)


@settings(max_examples=40)
@given(pairs)
def test_law_exchanging_the_candidates_keeps_the_p_value(cells: list[tuple[int, str]]) -> None:
    values, groups = [float(value) for value, _ in cells], [group for _, group in cells]
    turned = within_group_p([-value for value in values], groups=groups)
    assert turned == within_group_p(values, groups=groups)


def test_a_group_with_many_repeats_counts_no_more_than_another() -> None:
    # Flips of the four small differences of "a" move their mean less than the one of "b" does.
    assert within_group_p([1.0] * 4 + [3.0], groups=["a"] * 4 + ["b"]) == pytest.approx(2 / 32)
    assert within_group_p([1.0] * 4 + [-3.0], groups=["a"] * 4 + ["b"]) == pytest.approx(1.0)


def test_pairs_within_groups_are_more_evidence_than_groups() -> None:
    values, groups = [1.0] * 12, ["a"] * 6 + ["b"] * 6
    assert permutation_p(values, groups=groups) == 0.5
    assert within_group_p(values, groups=groups) == pytest.approx(2 / 2**12)


def test_drawn_exchanges_depend_on_the_seed_alone_and_are_near_the_exact_ones() -> None:
    values = np.random.default_rng(6).normal(0.3, 1.0, 13)
    groups = list("aaaabbbbccccc")
    exact = within_group_p(values, groups=groups)
    padded = [*values, 0.0]
    drawn = within_group_p(padded, groups=[*groups, "d"])
    assert drawn == within_group_p(padded, groups=[*groups, "d"])
    assert drawn == pytest.approx(exact, abs=0.02)


def test_error_rates_of_equals_are_kept() -> None:
    # 5 % plus the 99 % binomial error of 300 repetitions.
    assert permutation_error(300, 12, 4, 0.5).value <= 0.08
    assert 0.005 <= permutation_error(300, 8, 5, within=True, permutations=300).value <= 0.08


def test_groups_that_differ_are_what_a_test_within_groups_finds() -> None:
    assert permutation_error(150, 8, 5, 0.5, within=True, permutations=300).value >= 0.12


@pytest.mark.parametrize("test", [permutation_p, within_group_p])
def test_no_permutations_are_refused(test: object) -> None:
    with pytest.raises(MetricError, match="permutations"):
        test([0.1] * 20, groups=list(range(20)), permutations=0)  # type: ignore[operator]


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(MetricError, match="groups"):
        within_group_p([0.1, 0.2], groups=["a"])
