"""Sobol points are balanced, differ by seed, and are those of the published direction numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import Fixed, Problem, Search, Sobol, Told
from hyperfunc.optimizers.archive import Archive
from hyperfunc.optimizers.sobol import SOBOL_DIMS, sobol_points
from hyperfunc.spaces import Choice, Integer, Real, Space


@given(
    dim=st.integers(1, SOBOL_DIMS), power=st.integers(0, 7), block=st.integers(0, 9), seed=st.integers(0, 99)
)
@settings(deadline=None)
def test_every_aligned_block_has_one_point_in_each_slice(dim: int, power: int, block: int, seed: int) -> None:
    count = 2**power
    points = sobol_points(dim, block * count, count, seed)
    assert points.shape == (count, dim)
    slices = np.sort(np.floor(points * count).astype(int), axis=0)
    assert (slices == np.arange(count)[:, None]).all()


@given(seed=st.integers(0, 999), powers=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_the_first_two_coordinates_are_balanced_together(seed: int, powers: tuple[int, int]) -> None:
    one, other = powers
    points = sobol_points(2, 0, 2 ** (one + other), seed)
    boxes = np.floor(points * [2**one, 2**other]).astype(int)
    assert len({tuple(box) for box in boxes.tolist()}) == len(points)


def test_plain_points_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.quasirandom.SobolEngine(SOBOL_DIMS, scramble=False).draw(128, dtype=torch.float64)
    assert np.array_equal(sobol_points(SOBOL_DIMS, 0, 128), theirs.numpy())


def test_seeds_differ_and_parts_fit_together() -> None:
    assert not np.allclose(sobol_points(3, 0, 8, 1), sobol_points(3, 0, 8, 2))
    whole = sobol_points(3, 0, 16, 1)
    assert np.array_equal(whole[5:], sobol_points(3, 5, 11, 1))


def test_an_integral_is_found_better_than_by_chance() -> None:
    def error(points: np.ndarray) -> float:
        return abs(float(np.prod(1 + (points - 0.5), axis=1).mean()) - 1.0)

    evenly = np.mean([error(sobol_points(5, 0, 256, seed)) for seed in range(20)])
    randomly = np.mean([error(np.random.default_rng(seed).random((256, 5))) for seed in range(20)])
    assert evenly < randomly / 5


def test_too_many_coordinates_are_refused() -> None:
    with pytest.raises(SpaceError, match="use Random"):
        sobol_points(SOBOL_DIMS + 1, 0, 1)
    with pytest.raises(SpaceError, match="at least 1"):
        Sobol(0)


def test_log_scales_and_choices_get_equal_shares() -> None:
    space = Space({"x": Real(1, 10_000, scale="log"), "c": Choice(("a", "b", "c", "d"))})
    problem = Problem(space, space.default, 1, seed=3)
    members, _ = Sobol().propose(problem, Archive(), None, 64, frozenset())
    decades = np.floor(np.log10([member["x"] for member in members])).astype(int)
    assert np.bincount(decades).tolist() == [16] * 4
    assert sorted(["abcd".index(member["c"]) for member in members]) == sorted([0, 1, 2, 3] * 16)


def test_a_small_space_is_used_up() -> None:
    space = Space({"n": Integer(1, 3), "c": Choice(("a", "b"))})
    search = Search(Sobol(), Fixed(batch=4))
    state = search.init(Problem(space, space.default, 1))
    while True:
        ask, state = search.ask(state)
        if ask is None:
            break
        state = search.tell(state, ask, Told(np.zeros(len(ask.population))))
    assert len(state.archive) == 6
