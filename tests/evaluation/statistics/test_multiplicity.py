from __future__ import annotations

import numpy as np
import pytest
from benchmarks.evidence.simulations import family_error
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import benjamini_hochberg, holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def stepped_down(values: list[float], level: float) -> set[int]:
    """Holm's procedure as he words it: reject while p_(i) <= level / (K - i + 1)."""
    found: set[int] = set()
    for step, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[place] * (len(values) - step) > level:
            break
        found.add(place)
    return found


def stepped_up(values: list[float], level: float) -> set[int]:
    """Reject the i smallest for the greatest i with p_(i) <= i / K level."""
    order = sorted(range(len(values)), key=values.__getitem__)
    passed = [i for i in range(1, len(order) + 1) if values[order[i - 1]] * len(values) / i <= level]
    return set(order[: max(passed, default=0)])


@settings(max_examples=60)
@given(p_values, st.sampled_from([0.01, 0.05, 0.2, 0.5]))
def test_law_adjusted_values_reject_what_the_procedures_reject(values: list[float], level: float) -> None:
    assert set(np.flatnonzero(holm(values) <= level)) == stepped_down(values, level)
    assert set(np.flatnonzero(benjamini_hochberg(values) <= level)) == stepped_up(values, level)


@settings(max_examples=60)
@given(p_values, st.randoms(use_true_random=False))
def test_law_the_order_of_comparisons_does_not_matter(values: list[float], random: object) -> None:
    order = list(range(len(values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    mixed = [values[place] for place in order]
    np.testing.assert_array_equal(holm(mixed), holm(values)[order])
    np.testing.assert_array_equal(benjamini_hochberg(mixed), benjamini_hochberg(values)[order])


@settings(max_examples=60)
@given(p_values)
def test_law_adjusting_only_raises_and_holm_raises_more(values: list[float]) -> None:
    careful, bold = holm(values), benjamini_hochberg(values)
    assert (np.array(values) <= bold + 1e-12).all()
    assert (bold <= careful + 1e-12).all()
    assert (careful <= np.minimum(1.0, np.array(values) * len(values)) + 1e-12).sum() >= 1
    assert careful.max() <= 1.0


def test_cases_by_hand() -> None:
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04] * 4)
    assert benjamini_hochberg([0.005, 0.5, 0.02]) == pytest.approx([0.015, 0.5, 0.03])
    assert holm([0.3]) == pytest.approx([0.3])


def test_false_findings_stay_at_the_level() -> None:
    # 5 % plus the 99 % binomial error of 600 families; without adjustment 40 % of families have one.
    chance, _ = family_error(600, 10)
    mixed, share = family_error(600, 10, 0.3)
    assert 0.02 <= chance.value <= 0.071
    assert mixed.value <= 0.071
    assert share <= 0.05


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
@pytest.mark.parametrize("values", [[], [[0.1]], [1.1], [-0.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(adjust: object, values: object) -> None:
    with pytest.raises(MetricError, match="p_K"):
        adjust(values)  # type: ignore[operator]
