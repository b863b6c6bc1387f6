from __future__ import annotations

import numpy as np
import pytest
from tests.optimizers.driving import climb, unit_space

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import (
    ES,
    ESHybridSystemOptimizer,
    NoOpPromptOptimizer,
    NoOpSystemOptimizer,
    Problem,
    TorchEggrollSystemOptimizer,
)
from hyperfunc.optimizers.coordinates import Coordinates
from hyperfunc.rng import generator
from hyperfunc.spaces import Candidate, LoRAWeight, Matrix, Real, Space, group_knobs


@pytest.mark.parametrize("target", [0.5, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_the_older_example_finds_its_temperature(target: float, seed: int) -> None:
    space = Space({"answer.hp.temperature": Real(0, 2, default=0.0)})
    optimizer = TorchEggrollSystemOptimizer(steps=20, pop_size=20, sigma=0.1, lr=0.1)

    def value(candidate: Candidate) -> float:
        return -float((candidate["answer.hp.temperature"] - target) ** 2)

    state = climb(optimizer, space, value, 10_000, seed)
    assert state.step == 20
    assert value(optimizer.recommend(state)[0]) > -0.05


def test_five_numbers_come_near_their_optimum() -> None:
    space = unit_space(5)
    best = np.array([0.2, 0.8, 0.4, 0.6, 0.5])
    optimizer = ESHybridSystemOptimizer(steps=40, pop_size=20, sigma=0.1, lr=0.1)
    state = climb(optimizer, space, lambda c: -float(((space.to_unit(c) - best) ** 2).sum()), 10_000)
    assert np.abs(space.to_unit(optimizer.recommend(state)[0]) - best).max() < 0.1


def test_two_layers_of_weights_learn_exclusive_or() -> None:
    wide, narrow = LoRAWeight.create(4, 3), LoRAWeight.create(1, 5)
    space = Space({"in.w": group_knobs(wide)["weight"], "out.w": group_knobs(narrow)["weight"]})
    inputs = np.array([[a, b, 1] for a in (0, 1) for b in (0, 1)], float)
    wanted = np.array([0, 1, 1, 0])

    def value(candidate: Candidate) -> float:
        hidden = np.tanh(inputs @ candidate["in.w"].T)
        logit = np.hstack([hidden, np.ones((4, 1))]) @ candidate["out.w"][0]
        return -float(np.mean(np.log1p(np.exp(-(2 * wanted - 1) * logit))))

    optimizer = ESHybridSystemOptimizer(steps=200, pop_size=64, sigma=0.3, lr=0.2)
    state = climb(optimizer, space, value, 200 * 64)
    assert value(optimizer.recommend(state)[0]) > -0.05


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_noise_of_matrices_has_the_rank_asked_for_and_unit_variance(rank: int) -> None:
    space = Space({"w": Matrix((6, 9), noise_rank=rank), "x": Real(0, 1)})
    coordinates = Coordinates(space, space.default)
    noise_KD = coordinates.noise(generator(0, "noise"), 4000, None)
    assert noise_KD.shape == (4000, 55)
    assert noise_KD.var() == pytest.approx(1.0, abs=0.03)
    assert np.linalg.matrix_rank(noise_KD[7, 1:].reshape(6, 9)) == rank
    assert abs(noise_KD.mean()) < 0.01


def test_the_step_does_not_depend_on_the_unit_of_the_metric() -> None:
    space = unit_space(3)

    def after(factor: float) -> np.ndarray:
        state = climb(ES(population=8, steps=3), space, lambda c: factor * c["x0"], 100)
        return np.asarray(state.own.mean_D)

    assert np.allclose(after(1.0), after(1000.0))


def test_without_a_signal_the_drift_does_not_grow_with_the_population() -> None:
    space = unit_space(50)

    def drift(population: int) -> float:
        rng = np.random.default_rng(1)
        state = climb(ES(population, 0.05, 0.2, steps=1), space, lambda c: rng.normal(), 10**6)
        return float(np.std(state.own.mean_D - 0.5))

    assert drift(16) == pytest.approx(0.01, rel=0.4)
    assert drift(256) == pytest.approx(0.01, rel=0.4)


def test_vectors_and_points_are_inverse() -> None:
    space = Space(
        {"w": Matrix((2, 2), np.eye(2, dtype=np.float32)), "x": Real(1, 100, scale="log"), "v": Matrix((3,))}
    )
    coordinates = Coordinates(space, space.default)
    vector = coordinates.vector()
    assert coordinates.dim == len(vector) == 8
    assert coordinates.candidate(vector) == space.default
    moved = vector + np.linspace(-0.3, 0.3, 8)
    assert np.allclose(Coordinates(space, coordinates.candidate(moved)).vector(), moved, atol=1e-6)
    population = coordinates.population(np.stack([vector, moved]))
    assert population.throwaway
    assert population[1] == coordinates.candidate(moved)


def test_settings_that_make_no_sense() -> None:
    for settings in ({"population": 3}, {"sigma": -1.0}, {"lr": 0.0}, {"population": 1, "mirrored": False}):
        with pytest.raises(SpaceError):
            ES(**settings)


def test_doing_nothing_asks_nothing() -> None:
    space = unit_space(1)
    for optimizer in (NoOpPromptOptimizer(), NoOpSystemOptimizer()):
        ask, state = optimizer.ask(optimizer.init(Problem(space, space.default, 3)))
        assert ask is None
        assert optimizer.recommend(state) == (space.default,)
