"""Low-rank stacks: members are what their factors say, and populations take them."""

from __future__ import annotations

import numpy as np
import pytest

from hyperfunc.errors import OutOfBounds, SpaceError
from hyperfunc.spaces import LowRankStack, Matrix, Real, Space


def _stack(mirrored: bool = True, shape: tuple[int, ...] = (3, 4), count: int = 6) -> LowRankStack:
    rng = np.random.default_rng(0)
    groups = count // 2 if mirrored else count
    rows, columns = shape[0], int(np.prod(shape[1:]))
    left = rng.normal(size=(groups, rows, 2)).astype(np.float32)
    right = rng.normal(size=(groups, columns, 2)).astype(np.float32)
    center = rng.normal(size=shape).astype(np.float32)
    return LowRankStack(
        center, lambda begin, end: (left[begin:end], right[begin:end]), count,
        rank=2, scale=0.5, mirrored=mirrored,
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2, 2)])
def test_mirrored_members_lie_opposite_each_other(shape: tuple[int, ...]) -> None:
    stack = _stack(shape=shape)
    assert stack.shape == (6, *shape)
    left, right = stack.factors(1, 2)
    expected = stack.center + (0.5 * left[0] @ right[0].T).reshape(shape)
    np.testing.assert_allclose(stack[2], expected, rtol=1e-6)
    np.testing.assert_allclose(stack[2] + stack[3], 2 * stack.center, rtol=1e-5, atol=1e-6)


def test_lone_members_have_factors_of_their_own() -> None:
    stack = _stack(mirrored=False, count=3)
    left, right = stack.factors()
    for k in range(3):
        np.testing.assert_allclose(stack[k], stack.center + 0.5 * left[k] @ right[k].T, rtol=1e-6)
    with pytest.raises(IndexError):
        stack[3]


def test_a_population_of_a_stack_makes_members_when_asked() -> None:
    stack = _stack()
    space = Space({"w": Matrix((3, 4)), "t": Real(0, 2)})
    population = space.population({"w": stack, "t": [0.1] * 6})
    assert population.columns["w"] is stack
    assert np.array_equal(population[3]["w"], stack[3])
    assert len(set(population.ids())) == 6


def test_what_does_not_fit_is_refused() -> None:
    space = Space({"w": Matrix((3, 4)), "t": Real(0, 2)})
    with pytest.raises(SpaceError, match=r"'w' has shape \(3, 4\)"):
        space.population({"w": _stack(shape=(2, 4))})
    with pytest.raises(SpaceError, match=r"'w' has shape \(5, 3, 4\)"):
        space.population({"w": np.zeros((5, 4, 3))})
    with pytest.raises(SpaceError, match="only a matrix"):
        space.population({"t": _stack()})
    with pytest.raises(OutOfBounds, match="'w' got NaN"):
        space.population({"w": np.full((2, 3, 4), np.nan)})
    with pytest.raises(SpaceError, match="even number"):
        _stack(count=5)


@pytest.mark.parametrize("mirrored", [True, False])
def test_some_members_of_a_stack_are_the_same_members(mirrored: bool) -> None:
    stack = _stack(mirrored)
    some = stack.take([4, 1, 1])
    assert [np.array_equal(some[i], stack[k]) for i, k in enumerate([4, 1, 1])] == [True] * 3


def test_a_digest_tells_stacks_apart() -> None:
    assert _stack().digest() == _stack().digest()
    assert len({_stack().digest(), _stack(mirrored=False).digest(), _stack(count=4).digest()}) == 3
