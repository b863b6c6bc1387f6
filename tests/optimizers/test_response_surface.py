from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.optimizers.response_surface import Surface, ascent, fitted


def bowl(places_KD: np.ndarray, top_D: np.ndarray) -> np.ndarray:
    """A rotated quadratic with its top inside."""
    away_KD = places_KD - top_D
    return -(away_KD**2).sum(1) - 0.8 * away_KD[:, 0] * away_KD[:, 1]


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_top_of_a_rotated_quadratic_is_found(noise: float) -> None:
    rng = np.random.default_rng(0)
    places_KD, top_D = rng.normal(size=(600, 4)), np.array([0.4, -0.3, 0.2, 0.0])
    values_K = bowl(places_KD, top_D) + noise * rng.normal(size=600)
    surface = fitted(places_KD, values_K, np.ones(600))
    assert surface is not None
    found_D = ascent(surface, np.full(4, -2.0), np.full(4, 2.0), 2.0)
    assert np.allclose(found_D, top_D, atol=0.01 if not noise else 0.15)


def test_what_is_not_there_is_shrunk_away() -> None:
    rng = np.random.default_rng(1)
    places_KD = rng.normal(size=(100, 10))
    surface = fitted(places_KD, rng.normal(size=100), np.ones(100))
    assert surface is not None
    assert np.linalg.norm(surface.slope_D) < 0.3
    assert np.abs(surface.bend_DD).max() < 0.3


def test_groups_differ_for_other_reasons() -> None:
    rng = np.random.default_rng(2)
    groups_K = np.repeat(np.arange(20), 10)
    places_KD = rng.normal(size=(200, 3)) + np.linspace(0, 2, 20)[groups_K][:, None]
    values_K = places_KD[:, 0] - 50.0 * groups_K
    within = fitted(places_KD, values_K, np.ones(200), groups_K)
    across = fitted(places_KD, values_K, np.ones(200))
    assert within is not None
    assert across is not None
    assert within.slope_D == pytest.approx([1.0, 0.0, 0.0], abs=0.01)
    assert across.slope_D[0] < 0


def test_the_depth_of_a_hole_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    places_KD = rng.normal(size=(100, 2))
    values_K = places_KD[:, 0] + 0.1 * rng.normal(size=100)
    values_K[:3] = -1e9
    surface = fitted(places_KD, values_K, np.ones(100))
    assert surface is not None
    assert surface.slope_D[0] == pytest.approx(1.0, abs=0.4)


@pytest.mark.parametrize("values", [[1e9] * 8, [0.0] * 8, [1.0, 2.0, 3.0]])
def test_no_surface_where_there_is_nothing_to_tell_apart(values: list[float]) -> None:
    places_KD = np.random.default_rng(4).normal(size=(len(values), 2))
    assert fitted(places_KD, np.array(values), np.ones(len(values))) is None


@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.05, 3.0))
def test_the_way_up_stays_within_and_never_goes_down(seed: int, dim: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    bend_DD = rng.normal(size=(dim, dim))
    surface = Surface(rng.normal(size=dim), bend_DD + bend_DD.T)
    low_D, high_D = -rng.uniform(0, 2, dim), rng.uniform(0, 2, dim)
    place_D = ascent(surface, low_D, high_D, radius)
    assert (place_D >= low_D).all()
    assert (place_D <= high_D).all()
    assert np.sqrt((place_D**2).mean()) <= radius + 1e-9
    assert surface(place_D) >= 0


def test_a_flat_surface_leads_nowhere() -> None:
    flat = Surface(np.zeros(2), np.zeros((2, 2)))
    assert (ascent(flat, np.full(2, -1.0), np.ones(2), 1.0) == 0).all()
