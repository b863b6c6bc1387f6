"""Distance of numbers: 1 within the tolerance, 0 from the largest distance on, a line between."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc import NumericDistance
from hyperfunc.errors import MetricError

NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("output", "expected", "score"),
    [
        (10, 10, 1.0),
        (10.005, 10, 1.0),
        ("7.5", 10, 0.75),
        (" 12.5 ", "10", 0.75),
        (-50, 10, 0.0),
    ],
)
def test_values(output: object, expected: object, score: float) -> None:
    assert NumericDistance(max_distance=10).score(output, expected, {}).score == score


def test_the_default_scale_is_the_expected_number_and_one() -> None:
    assert NumericDistance().score(6, 9, {}).score == pytest.approx(0.7)
    assert NumericDistance().score(6, 9, {}).feedback == "got 6, expected 9: too low by 3"


@pytest.mark.parametrize(
    ("output", "feedback"),
    [
        (None, "the prediction is None; expected 3"),
        ("three", "the prediction is not a number: 'three'; expected 3"),
        (True, "the prediction is not a number: True; expected 3"),
        ("nan", "the prediction is not a finite number: 'nan'; expected 3"),
        (math.inf, "the prediction is not a finite number: inf; expected 3"),
        (10**400, "the prediction is a number that is too large; expected 3"),
        ([3], "the prediction is not a number: [3]; expected 3"),
    ],
)
def test_what_is_no_number_scores_zero_and_is_said(output: object, feedback: str) -> None:
    found = NumericDistance().score(output, 3, {})
    assert (found.score, found.feedback, found.details) == (0.0, feedback, {"malformed": True})


@given(NUMBERS, NUMBERS, NUMBERS)
def test_nearer_is_never_worse(a: float, b: float, want: float) -> None:
    near, far = sorted((a, b), key=lambda x: abs(x - want))
    scorer = NumericDistance()
    assert scorer.score(near, want, {}).score >= scorer.score(far, want, {}).score


def test_wrong_settings_and_expectations_are_errors() -> None:
    with pytest.raises(MetricError, match="tolerance of NumericDistance is -1"):
        NumericDistance(tolerance=-1)
    with pytest.raises(MetricError, match="max_distance of NumericDistance is 0"):
        NumericDistance(max_distance=0)
    for expected in (None, "three", math.nan, 10**400):
        with pytest.raises(MetricError, match="compares with a finite number"):
            NumericDistance().score(3, expected, {})
