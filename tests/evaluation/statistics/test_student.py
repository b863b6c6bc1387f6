"""Student's t against printed tables, and quantiles against p-values."""

from __future__ import annotations

import pytest

from hyperfunc.evaluation.statistics import student_p, student_quantile


@pytest.mark.parametrize(
    ("freedom", "at"),
    [
        (1, 12.706),
        (2, 4.303),
        (5, 2.571),
        (10, 2.228),
        (30, 2.042),
        (1000, 1.960),
    ],  # beyond 400 the normal one
)
def test_p_is_that_of_the_printed_tables(freedom: int, at: float) -> None:
    assert student_p(at, freedom) == pytest.approx(0.05, abs=1e-4)
    assert student_p(-at, freedom) == student_p(at, freedom)


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 40, 400])
@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.999])
def test_p_undoes_the_quantile(freedom: int, probability: float) -> None:
    assert student_p(student_quantile(probability, freedom), freedom) == pytest.approx(2 * (1 - probability))


def test_the_ends_are_probabilities() -> None:
    assert student_p(0.0, 3) == 1.0
    assert student_p(float("inf"), 3) == pytest.approx(0.0, abs=1e-12)
