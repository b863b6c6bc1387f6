from __future__ import annotations

import math

import numpy as np
import pytest
from tests.optimizers.driving import climb, unit_space

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import SNES, Problem, Told
from hyperfunc.spaces import Choice, Integer, Real, Space, Text


def regret(dim: int, evaluations: int, seed: int, noise: float = 0.1) -> float:
    """Share of the distance in value that is left on a noisy sphere with one decade between scales."""
    rng = np.random.default_rng(seed)
    space, best = unit_space(dim), rng.uniform(0.1, 0.9, dim)
    scales = 10 ** rng.uniform(-0.5, 0.5, dim)

    def loss(units: np.ndarray) -> float:
        return float((((units - best) * scales) ** 2).sum())

    start = loss(np.full(dim, 0.5))
    state = climb(
        SNES(),
        space,
        lambda c: -loss(space.to_unit(c)) + noise * start * rng.normal(),
        evaluations,
        seed,
    )
    return loss(space.to_unit(SNES().recommend(state)[0])) / start


@pytest.mark.parametrize(("dim", "evaluations", "most"), [(5, 224, 0.08), (20, 1024, 0.09)])
def test_a_noisy_sphere_is_climbed(dim: int, evaluations: int, most: float) -> None:
    assert np.median([regret(dim, evaluations, seed) for seed in range(5)]) < most


def test_one_update_follows_the_formulas() -> None:
    space = unit_space(3)
    optimizer = SNES(population=6, sigma=0.05)
    state = optimizer.init(Problem(space, space.default, 1, seed=4))
    ask, state = optimizer.ask(state)
    assert ask is not None
    points_KD = np.array([space.to_unit(member) for member in ask.population])
    noise_KD = (points_KD - 0.5) / 0.05
    assert np.allclose(noise_KD[0::2], -noise_KD[1::2], atol=1e-5)
    values_K = np.array([3.0, 1.0, 6.0, 2.0, 5.0, 4.0])
    raw = np.maximum(0, math.log(4) - np.log(7 - values_K))
    weights_K = raw / raw.sum() - 1 / 6
    state = optimizer.tell(state, ask, Told(values_K))
    rate = (3 + math.log(3)) / (5 * math.sqrt(3))
    assert np.allclose(state.own.mean_D, 0.5 + 0.05 * weights_K @ noise_KD, atol=1e-5)
    assert np.allclose(state.own.widths_D, 0.05 * np.exp(rate / 2 * weights_K @ (noise_KD**2 - 1)), rtol=1e-4)


def test_missing_members_are_left_out_of_the_update() -> None:
    space = unit_space(2)
    optimizer = SNES(population=8)
    state = optimizer.init(Problem(space, space.default, 1))
    ask, state = optimizer.ask(state)
    assert ask is not None
    values_K = np.array([math.nan, math.inf, -math.inf, 1.0, 2.0, 3.0, 4.0, 5.0])
    after = optimizer.tell(state, ask, Told(values_K))
    assert np.isfinite(after.own.mean_D).all()
    assert np.isfinite(after.own.widths_D).all()
    assert (after.own.mean_D != state.own.mean_D).all()


def test_members_are_not_kept() -> None:
    state = climb(SNES(population=4), unit_space(2), lambda c: c["x0"], 40)
    assert len(state.archive) == 0


def test_each_generation_has_fresh_examples_and_luck() -> None:
    space = unit_space(2)
    optimizer = SNES(population=4, examples=5)
    state = optimizer.init(Problem(space, space.default, 50))
    seen = []
    for _ in range(4):
        ask, state = optimizer.ask(state)
        assert ask is not None
        seen.append((ask.examples, ask.repeat))
        state = optimizer.tell(state, ask, Told(np.zeros(4)))
    assert len({examples for examples, _ in seen}) == 4
    assert [repeat for _, repeat in seen] == [0, 1, 2, 3]


def test_bounds_hold_even_when_the_best_lies_beyond() -> None:
    space = Space(
        {"t": Real(0, 2, default=1.0), "n": Integer(1, 8), "c": Choice((False, True)), "p": Text("x")}
    )
    state = climb(SNES(population=8), space, lambda c: c["t"] + c["n"] + c["c"], 400)
    best = SNES().recommend(state)[0]
    assert (best["t"], best["n"], best["c"], best["p"]) == (2.0, 8, True, "x")


def test_the_steps_are_counted() -> None:
    space = unit_space(1)
    state = climb(SNES(population=4, steps=3), space, lambda c: 0.0, 10_000)
    assert state.step == 3


@pytest.mark.parametrize("settings", [{"population": 5}, {"population": 2}, {"sigma": 0.0}])
def test_settings_that_make_no_sense(settings: dict[str, float]) -> None:
    with pytest.raises(SpaceError):
        SNES(**settings)  # type: ignore[arg-type]
