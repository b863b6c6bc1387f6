"""Noise is a function of key and position, symmetric, and normal."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.noise import _tuples, normals


@given(st.integers(0, 2**62), st.integers(0, 1000), st.integers(0, 200), st.integers(0, 200))
def test_a_part_of_a_stream_is_the_same_alone(key: int, begin: int, count: int, more: int) -> None:
    whole = normals(key, begin, count + more)
    assert np.array_equal(whole[count:], normals(key, begin + count, more))


def test_moments_are_those_of_the_normal_distribution() -> None:
    drawn = normals(3, 0, 400_000).astype(np.float64)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1.0) < 0.01
    assert abs((drawn**4).mean() - 3.0) < 0.2  # 128 levels end at 2.6 standard deviations
    assert abs((np.abs(drawn) < 1.0).mean() - 0.6827) < 0.006


def test_keys_and_places_are_independent() -> None:
    one, other = normals(1, 0, 100_000), normals(2, 0, 100_000)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.02


def test_any_two_numbers_drawn_together_are_independent() -> None:
    places = np.searchsorted(np.unique(_tuples()), _tuples())
    for one, other in itertools.combinations(range(places.shape[1]), 2):
        pairs = places[:, one] * 128 + places[:, other]
        assert len(np.unique(pairs)) == 128 * 128


def test_what_is_drawn_together_is_symmetric() -> None:
    rows = {row.tobytes() for row in _tuples()}
    assert all((-row).tobytes() in rows for row in _tuples())


def test_no_product_of_four_numbers_drawn_together_has_a_sign() -> None:
    table = _tuples().astype(np.float64)
    for columns in itertools.combinations(range(table.shape[1]), 4):
        assert abs(table[:, list(columns)].prod(axis=1).mean()) < 0.05


def test_every_level_has_its_mirror_image() -> None:
    levels = np.unique(normals(5, 0, 500_000))
    assert np.isin(-levels, np.unique(normals(6, 0, 2_000_000))).mean() > 0.99
