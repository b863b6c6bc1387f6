from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import krippendorff_alpha

N = None
# Krippendorff (2011): four observers, twelve units, values missing.
FOUR = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]
# Another published table: three coders, fifteen units.
THREE = [
    [N, N, N, N, N, 3, 4, 1, 2, 1, 1, 3, 3, N, 3],
    [1, N, 2, 1, 3, 3, 4, 3, N, N, N, N, N, N, N],
    [N, N, 2, 1, 3, 4, 4, N, 2, 1, 1, 3, 3, N, 4],
]


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_the_published_example_of_four_observers(level: str, alpha: float) -> None:
    assert krippendorff_alpha(FOUR, level) == pytest.approx(alpha, abs=5e-4)


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.691), ("ordinal", 0.807), ("interval", 0.811)])
def test_the_published_example_of_three_coders(level: str, alpha: float) -> None:
    assert krippendorff_alpha(THREE, level) == pytest.approx(alpha, abs=5e-4)


def test_the_published_examples_of_two_observers() -> None:
    binary = ["0100000010", "1110010000"]
    assert krippendorff_alpha(binary, "nominal") == pytest.approx(0.095, abs=5e-4)
    labels = ["aabbdcccedda", "babbbccceddd"]
    assert krippendorff_alpha(labels, "nominal") == pytest.approx(0.692, abs=5e-4)


def by_pairs(rows: list[list[Any]], distance: Any) -> float:
    """The definition without coincidences: within texts against all pairs of values."""
    texts = [[v for v in column if v is not None] for column in zip(*rows, strict=True)]
    texts = [t for t in texts if len(t) > 1]
    values = [v for t in texts for v in t]

    def all_pairs(of: list[Any]) -> float:
        return float(sum(distance(a, b) for i, a in enumerate(of) for j, b in enumerate(of) if i != j))

    within = sum(all_pairs(t) / (len(t) - 1) for t in texts) / len(values)
    total = all_pairs(values)
    return float(1 - within / (total / (len(values) * (len(values) - 1))))


marks = st.one_of(st.none(), st.integers(0, 5))
tables = st.integers(2, 4).flatmap(
    lambda judges: st.lists(
        st.lists(marks, min_size=judges, max_size=judges), min_size=2, max_size=8
    ).map(lambda columns: [list(row) for row in zip(*columns, strict=True)])
)  # fmt: skip


@given(tables)
def test_law_alpha_is_disagreement_within_texts_over_disagreement_between_all(rows: list[list[Any]]) -> None:
    pairable = [[v for v in c if v is not None] for c in zip(*rows, strict=True)]
    assume(len({v for c in pairable if len(c) > 1 for v in c}) > 1)
    assert krippendorff_alpha(rows, "nominal") == pytest.approx(by_pairs(rows, lambda a, b: float(a != b)))
    assert krippendorff_alpha(rows, "interval") == pytest.approx(by_pairs(rows, lambda a, b: (a - b) ** 2))
    ratio = by_pairs(rows, lambda a, b: ((a - b) / (a + b)) ** 2 if a + b else 0.0)
    assert krippendorff_alpha(rows, "ratio") == pytest.approx(ratio)
    assert krippendorff_alpha(rows, "ordinal") <= 1 + 1e-12


@given(tables, st.floats(0.1, 5), st.floats(-3, 3), st.randoms(use_true_random=False))
def test_law_units_labels_and_order_do_not_matter(
    rows: list[list[Any]], scale: float, shift: float, rng: Any
) -> None:
    pairable = [[v for v in c if v is not None] for c in zip(*rows, strict=True)]
    assume(len({v for c in pairable if len(c) > 1 for v in c}) > 1)
    moved = [[None if v is None else v * scale + shift for v in row] for row in rows]
    assert krippendorff_alpha(moved) == pytest.approx(krippendorff_alpha(rows), abs=1e-6)
    cubed = [[None if v is None else v**3 for v in row] for row in rows]
    assert krippendorff_alpha(cubed, "ordinal") == pytest.approx(krippendorff_alpha(rows, "ordinal"))
    named = [[None if v is None else f"label {v}" for v in row] for row in rows]
    assert krippendorff_alpha(named, "nominal") == pytest.approx(krippendorff_alpha(rows, "nominal"))
    rng.shuffle(rows)
    order = list(range(len(rows[0])))
    rng.shuffle(order)
    mixed = [[row[place] for place in order] for row in rows]
    for level in ("nominal", "ordinal", "interval", "ratio"):
        assert krippendorff_alpha(mixed, level) == pytest.approx(krippendorff_alpha(rows, level))


def test_perfect_agreement_is_1_and_chance_about_0() -> None:
    assert krippendorff_alpha([[1, 2, 3]] * 3) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    assert abs(krippendorff_alpha(rng.integers(0, 5, (3, 4000)).tolist())) < 0.03
    assert krippendorff_alpha([[1, 2] * 50, [2, 1] * 50]) < -0.9


def test_nan_is_missing() -> None:
    rows = [[math.nan if v is None else float(v) for v in row] for row in FOUR]
    assert krippendorff_alpha(rows) == krippendorff_alpha(FOUR)
    assert krippendorff_alpha(np.array(rows)) == pytest.approx(krippendorff_alpha(FOUR))


@pytest.mark.parametrize(
    ("rows", "level", "message"),
    [
        ([[1, 2], [1, 2]], "cardinal", "use 'nominal', 'ordinal'"),
        ([[1, 2], [1]], "interval", "different numbers of texts"),
        ([[1, 2]], "interval", "no text has two values"),
        ([], "interval", "no text has two values"),
        ([[1, None], [None, 2]], "interval", "no text has two values"),
        ([[1, 1], [1, 1]], "interval", "have the same value"),
        ([["a", "b"], ["a", "b"]], "interval", "takes finite numbers, and a judge gave 'a'"),
        ([[math.inf, 1], [1, 1]], "interval", "takes finite numbers"),
        ([[-1, 1], [1, 1]], "ratio", "of at least 0"),
    ],
)
def test_what_has_no_alpha_is_one_clear_error(rows: Any, level: str, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        krippendorff_alpha(rows, level)
