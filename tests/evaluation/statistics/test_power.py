from __future__ import annotations

import math

import pytest
from benchmarks.evidence.simulations import power_reached
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import needed_examples, smallest_difference


def test_cases_by_table() -> None:
    # Student's quantiles for 9 degrees of freedom: 2.262157 at 0.975 and 0.883404 at 0.8.
    assert smallest_difference(10, deviation=1.0) == pytest.approx(3.145561 / math.sqrt(10), rel=1e-5)
    # Normal quantiles for very many: 1.959964 + 0.841621.
    assert smallest_difference(10**6, deviation=1.0) == pytest.approx(2.801585e-3, rel=1e-5)


def test_clusters_of_one_voice_are_single_examples() -> None:
    alone = smallest_difference(20, deviation=0.4)
    assert smallest_difference(100, deviation=0.4, cluster_size=5, correlation=1.0) == pytest.approx(alone)


def test_repeats_remove_the_noise_between_repeats_alone() -> None:
    once = smallest_difference(50, deviation=0.3, repeat_deviation=0.4)
    many = smallest_difference(50, deviation=0.3, repeat_deviation=0.4, repeats=10**6)
    assert once == pytest.approx(smallest_difference(50, deviation=0.5))
    assert many == pytest.approx(smallest_difference(50, deviation=0.3), rel=1e-5)


@settings(max_examples=40)
@given(
    st.floats(0.02, 0.5),
    st.floats(0.1, 1.0),
    st.integers(1, 6),
    st.floats(0, 1),
    st.floats(0.55, 0.95),
)
def test_law_the_needed_number_is_the_least_that_resolves(
    difference: float, deviation: float, size: int, correlation: float, power: float
) -> None:
    needed = needed_examples(
        difference, deviation=deviation, cluster_size=size, correlation=correlation, power=power
    )

    def resolves(examples: int) -> bool:
        least = smallest_difference(
            examples, deviation=deviation, cluster_size=size, correlation=correlation, power=power
        )
        return least <= difference

    assert needed % size == 0
    assert resolves(needed)
    assert needed == 2 * size or not resolves(needed - size)


@pytest.mark.parametrize(("clusters", "size", "correlation"), [(50, 1, 0.0), (10, 5, 0.3), (6, 1, 0.0)])
def test_what_is_promised_to_be_found_is_found(clusters: int, size: int, correlation: float) -> None:
    rate = power_reached(2000, clusters, size, correlation)
    assert rate.value == pytest.approx(0.8, abs=0.03)


def test_more_power_and_a_higher_level_cost_examples() -> None:
    plain = needed_examples(0.1, deviation=0.5)
    assert needed_examples(0.1, deviation=0.5, power=0.9) > plain
    assert needed_examples(0.1, deviation=0.5, level=0.99) > plain


@pytest.mark.parametrize(
    "arguments",
    [
        {"examples": 1},
        {"examples": 9, "cluster_size": 5},
        {"deviation": -1.0},
        {"deviation": math.nan},
        {"repeats": 0},
        {"correlation": 1.5},
        {"power": 0.4},
        {"level": 1.0},
    ],
)
def test_plans_out_of_range_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(MetricError, match=next(iter(arguments))):
        smallest_difference(**{"examples": 50, "deviation": 0.5, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("difference", [0.0, -0.1, math.nan, 1e-9])
def test_differences_that_no_budget_resolves_are_refused(difference: float) -> None:
    with pytest.raises(MetricError, match="difference"):
        needed_examples(difference, deviation=0.5)
