from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from benchmarks.evidence.simulations import component_means
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import VarianceComponents, best_allocation, variance_components
from hyperfunc.evaluation.statistics.components import _solve

TRUTH = (1.0, 0.5, 0.3, 0.2)


def test_one_way_tables_give_the_analysis_of_variance() -> None:
    values = np.random.default_rng(0).normal(size=(6, 4)) + 2 * np.arange(6)[:, None]
    within = values.var(1, ddof=1).mean()
    between = 4 * values.mean(1).var(ddof=1)
    parts = variance_components(values.ravel(), np.repeat(np.arange(6), 4).tolist())
    assert parts.repeat == pytest.approx(within)
    assert parts.item == pytest.approx((between - within) / 4)
    assert (parts.judge, parts.residual) == (0.0, 0.0)


def test_balanced_tables_with_judges_give_the_analysis_of_variance() -> None:
    items, repeats, judges = 5, 3, 4
    rng = np.random.default_rng(1)
    values = (
        rng.normal(size=(items, repeats, judges))
        + 3 * rng.normal(size=(items, 1, 1))
        + 2 * rng.normal(size=(items, repeats, 1))
        + 2 * rng.normal(size=judges)
    )
    text = values.mean(2)
    left = values - text[..., None] - values.mean((0, 1)) + values.mean()
    residual = np.sum(left**2) / ((items * repeats - 1) * (judges - 1))
    judge_square = items * repeats * values.mean((0, 1)).var(ddof=1)
    repeat_square = judges * text.var(1, ddof=1).mean()
    item_square = judges * repeats * text.mean(1).var(ddof=1)
    item, repeat, judge = (codes.ravel().tolist() for codes in np.indices(values.shape))
    parts = variance_components(values.ravel(), item, repeats_N=repeat, judges_N=judge)
    assert parts.residual == pytest.approx(residual)
    assert parts.judge == pytest.approx((judge_square - residual) / (items * repeats))
    assert parts.repeat == pytest.approx((repeat_square - residual) / judges)
    assert parts.item == pytest.approx((item_square - repeat_square) / (judges * repeats))


def test_unbalanced_tables_are_estimated_without_bias() -> None:
    # All signs of all effects, each as likely: the average estimate is the truth, 4 and 1, exactly.
    items = np.array([0, 0, 0, 1, 1, 2])
    estimates = [
        _solve(2 * np.array(signs[:3])[items] + np.array(signs[3:]), [items, np.arange(6)])
        for signs in itertools.product((-1.0, 1.0), repeat=9)
    ]
    assert np.mean(estimates, 0) == pytest.approx([4.0, 1.0])


@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_known_variances_are_found_on_average(keep: float) -> None:
    found = component_means(80, 20, 3, 4, TRUTH, keep)
    assert found[0] == pytest.approx(TRUTH[0], rel=0.2)
    assert found[1] == pytest.approx(TRUTH[1], rel=0.2)
    assert found[2] == pytest.approx(TRUTH[2], rel=0.4)
    assert found[3] == pytest.approx(TRUTH[3], rel=0.1)


@settings(max_examples=30)
@given(st.integers(0, 99), st.floats(-5, 5), st.floats(0.1, 10))
def test_law_shifts_change_nothing_and_scales_square(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    values, items = rng.normal(size=20), rng.permutation(np.repeat(np.arange(5), 4)).tolist()
    one = variance_components(values, items)
    other = variance_components(shift + scale * values, items)
    assert other.item == pytest.approx(scale**2 * one.item, abs=1e-8)
    assert other.repeat == pytest.approx(scale**2 * one.repeat, abs=1e-8)


@settings(max_examples=30)
@given(st.integers(0, 99))
def test_law_neither_names_nor_order_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, items, judges = rng.normal(size=24), np.repeat(np.arange(6), 4), np.tile([0, 1, 0, 1], 6)
    order = rng.permutation(24)
    one = variance_components(values, items.tolist(), judges_N=judges.tolist())
    other = variance_components(
        values[order], [f"i{k}" for k in items[order]], judges_N=[f"j{k}" for k in judges[order]]
    )
    assert (other.item, other.repeat) == pytest.approx((one.item, one.repeat))
    assert other.judge == pytest.approx(one.judge)


def test_items_that_agree_more_than_chance_have_no_variance() -> None:
    assert variance_components([0.0, 1.0, 0.0, 1.0], ["a", "a", "b", "b"]).item == 0.0


def test_the_variance_of_a_mean_adds_what_is_averaged() -> None:
    parts = VarianceComponents(item=1.0, repeat=0.5, judge=0.3, residual=0.2)
    assert parts.of_mean(10, 2, 4) == pytest.approx(0.1 + 0.025 + 0.075 + 0.0025)
    with pytest.raises(MetricError):
        parts.of_mean(0)


@settings(max_examples=60)
@given(
    st.tuples(st.floats(0, 2), st.floats(0.01, 2), st.floats(0, 2), st.floats(0, 2)),
    st.integers(7, 60),
    st.integers(0, 5),
    st.integers(1, 3),
)
def test_law_no_other_design_within_the_budget_is_better(
    variances: tuple[float, float, float, float], budget: int, item_cost: int, most: int
) -> None:
    parts = VarianceComponents(*variances)
    chosen = best_allocation(
        parts, budget=budget, item_cost=item_cost, max_items=8, max_judges=most, judge_cost=1
    )
    assert chosen.cost <= budget
    assert chosen.standard_error**2 == pytest.approx(
        parts.of_mean(chosen.items, chosen.repeats, chosen.judges)
    )
    best = min(
        parts.of_mean(n, r, j)
        for n in range(1, 9)
        for r in range(1, budget + 1)
        for j in range(1, most + 1)
        if n * (item_cost + r * (1 + j)) <= budget
    )
    assert chosen.standard_error**2 == pytest.approx(best)


def test_items_that_cost_nothing_are_never_repeated() -> None:
    assert best_allocation(VarianceComponents(0.1, 0.9), budget=50).repeats == 1


def test_dear_items_are_repeated_as_the_formula_says() -> None:
    # sqrt(16 / 1 * 0.25 / 0.25) = 4 repeats.
    chosen = best_allocation(VarianceComponents(0.25, 0.25), budget=20_000, item_cost=16)
    assert (chosen.items, chosen.repeats) == (1000, 4)
    assert str(chosen).startswith("more repeats: 1000 items x 4")


def test_repeats_are_bought_when_items_are_used_up() -> None:
    chosen = best_allocation(VarianceComponents(0.1, 0.9), budget=50, max_items=10)
    assert (chosen.items, chosen.repeats) == (10, 5)


@pytest.mark.parametrize(
    ("values", "labels", "say"),
    [
        ([1.0, 2.0], {"items_N": ["a", "a"]}, "values_N"),
        ([1.0, 2.0, math.nan], {"items_N": ["a", "a", "b"]}, "values_N"),
        ([1.0, 2.0, 3.0], {"items_N": ["a", "a"]}, "items_N"),
        ([1.0, 2.0, 3.0], {"items_N": ["a", "b", "c"]}, "two repeats"),
        ([1.0, 2.0, 3.0], {"items_N": ["a", "a", "a"]}, "one item"),
        ([1.0, 2.0, 3.0, 4.0], {"items_N": list("aabb"), "judges_N": list("xxyy")}, "together"),
        ([1.0, 2.0, 3.0, 4.0], {"items_N": list("aabb"), "judges_N": list("xyz")}, "judges_N"),
    ],
)
def test_tables_that_cannot_tell_are_refused(
    values: list[float], labels: dict[str, list[str]], say: str
) -> None:
    with pytest.raises(MetricError, match=say):
        variance_components(values, **labels)


@pytest.mark.parametrize(
    "arguments",
    [{"budget": 0.5}, {"budget": math.nan}, {"budget": 9, "repeat_cost": 0}, {"budget": 9, "max_judges": 0}],
)
def test_budgets_that_buy_nothing_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(MetricError):
        best_allocation(VarianceComponents(1, 1), **arguments)  # type: ignore[arg-type]
