from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from benchmarks.evidence.judging import auc_coverage
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import auc_interval

scores = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12)


@given(scores, scores)
def test_law_the_area_counts_pairs_in_order_and_the_interval_holds_it(higher: Any, lower: Any) -> None:
    found = auc_interval(higher, lower)
    pairs = [(h > x) + 0.5 * (h == x) for h in higher for x in lower]
    assert found.estimate == pytest.approx(sum(pairs) / len(pairs))
    assert 0.0 <= found.low <= found.estimate <= found.high <= 1.0


@given(scores, scores)
def test_law_turning_the_sides_round_turns_the_area_round(higher: Any, lower: Any) -> None:
    one, other = auc_interval(higher, lower), auc_interval(lower, higher)
    assert other.estimate == pytest.approx(1 - one.estimate)
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low))


@given(scores, scores)
def test_law_only_the_order_of_scores_matters(higher: Any, lower: Any) -> None:
    assert auc_interval(np.exp(higher), np.exp(lower)) == auc_interval(higher, lower)


def test_the_ends_are_where_the_area_is_z_of_its_own_errors_away() -> None:
    found = auc_interval([5, 4, 3, 2, 5, 4], [1, 2, 3, 1])
    for end in (found.low, found.high):
        half = (6 + 4) / 2 - 1
        spread = 1 + half * (1 - end) / (2 - end) + half * end / (1 + end)
        error = math.sqrt(end * (1 - end) * spread / 24)
        assert abs(end - found.estimate) == pytest.approx(1.959964 * error, rel=1e-5)


def test_told_apart_without_a_fault_is_not_certain() -> None:
    ends = [auc_interval([1.0] * n, [0.0] * n).low for n in (3, 10, 30, 100)]
    assert ends == sorted(ends)
    assert 0.4 < ends[0] < 0.6
    assert 0.75 < ends[1] < 0.85 < ends[3] < 0.99


def test_groups_make_the_interval_wider_and_leave_the_area() -> None:
    higher, lower = [5.0, 4.0, 3.0, 5.0], [1.0, 4.0, 2.0, 1.0]
    loose = auc_interval(higher, lower)
    grouped = auc_interval(higher, lower, groups_N=list("aabb"), groups_M=list("aabb"))
    assert grouped.estimate == loose.estimate
    assert grouped.low < loose.low
    assert auc_interval(higher, lower, groups_N=list("abcd"), groups_M=list("abcd")) == loose


@pytest.mark.parametrize(("count", "apart"), [(8, 1.0), (8, 2.5), (20, 1.0), (20, 2.5)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(count: int, apart: float) -> None:
    rate = auc_coverage(400, count, apart)
    assert rate.value >= 0.95 - rate.margin(0.95)


@pytest.mark.parametrize(
    ("higher", "lower", "more"),
    [
        ([], [1.0], {}),
        ([1.0], [], {}),
        ([math.nan], [1.0], {}),
        ([[1.0]], [1.0], {}),
        ([1.0], [1.0], {"groups_N": ["a", "b"]}),
        ([1.0], [1.0], {"level": 1.0}),
    ],
)
def test_what_has_no_area_is_an_error(higher: Any, lower: Any, more: Any) -> None:
    with pytest.raises(MetricError):
        auc_interval(higher, lower, **more)
