"""The older library's names keep their settings and reach what its users know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.optimizers.driving import climb, unit_space

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import (
    ESHybridSystemOptimizer,
    NoOpPromptOptimizer,
    NoOpSystemOptimizer,
    Problem,
    TorchEggrollSystemOptimizer,
)
from hyperfunc.spaces import Candidate, LoRAWeight, Matrix, Real, Space, group_knobs

INPUTS = np.array([[a, b, 1] for a in (0, 1) for b in (0, 1)], float)
WANTED = np.array([0, 1, 1, 0])


@pytest.mark.parametrize("target", [0.5, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_the_older_example_finds_its_temperature(target: float, seed: int) -> None:
    space = Space({"answer.hp.temperature": Real(0, 2, default=0.0)})
    optimizer = TorchEggrollSystemOptimizer(steps=20, pop_size=20, sigma=0.1, lr=0.1)
    state = climb(optimizer, space, lambda c: -((c["answer.hp.temperature"] - target) ** 2), 10_000, seed)
    assert state.step == 20
    assert abs(optimizer.recommend(state)[0]["answer.hp.temperature"] - target) < 0.1


def test_five_numbers_come_near_their_optimum() -> None:
    space = unit_space(5)
    best = np.array([0.2, 0.8, 0.4, 0.6, 0.5])
    optimizer = ESHybridSystemOptimizer(steps=40, pop_size=20, sigma=0.1, lr=0.1)
    state = climb(optimizer, space, lambda c: -float(((space.to_unit(c) - best) ** 2).sum()), 10_000)
    assert np.abs(space.to_unit(optimizer.recommend(state)[0]) - best).max() < 0.1


def log_likelihood(candidate: Candidate) -> float:
    """Of exclusive or, under two layers with biases."""
    hidden = np.tanh(INPUTS @ candidate["in.w"].T)
    logit = np.hstack([hidden, np.ones((4, 1))]) @ candidate["out.w"][0]
    return -float(np.mean(np.log1p(np.exp(-(2 * WANTED - 1) * logit))))


@pytest.mark.parametrize("seed", range(2))
def test_two_layers_of_weights_learn_exclusive_or(seed: int) -> None:
    wide, narrow = LoRAWeight.create(4, 3), LoRAWeight.create(1, 5)
    space = Space({"in.w": group_knobs(wide)["weight"], "out.w": group_knobs(narrow)["weight"]})
    optimizer = ESHybridSystemOptimizer(steps=200, pop_size=64, sigma=0.3, lr=0.2)
    state = climb(optimizer, space, log_likelihood, 200 * 64, seed)
    assert log_likelihood(optimizer.recommend(state)[0]) > -0.05


@pytest.mark.slow
def test_exclusive_or_is_learnt_whatever_the_seed() -> None:
    solved = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        space = Space(
            {name: Matrix(shape, rng.normal(0, 0.5, shape).astype(np.float32)) for name, shape in
             (("in.w", (4, 3)), ("out.w", (1, 5)))}
        )  # fmt: skip
        optimizer = TorchEggrollSystemOptimizer(steps=200, pop_size=64, sigma=0.3, lr=0.2)
        best = optimizer.recommend(climb(optimizer, space, log_likelihood, 200 * 64, seed))[0]
        solved += log_likelihood(best) > -0.2
    assert solved == 20


@pytest.mark.parametrize("seed", range(3))
def test_two_matrices_learn_a_rotation_and_a_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(50, 2))
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    wanted = points @ (np.diag([2.0, 0.5]) @ turn).T
    starts = {name: rng.normal(0, 0.5, (2, 2)).astype(np.float32) for name in ("turn", "scale")}
    space = Space({name: Matrix((2, 2), start) for name, start in starts.items()})

    def error(candidate: Candidate) -> float:
        return float(np.mean((points @ (candidate["scale"] @ candidate["turn"]).T - wanted) ** 2))

    optimizer = TorchEggrollSystemOptimizer(steps=100, pop_size=32, sigma=0.1, lr=0.1)
    state = climb(optimizer, space, lambda c: -error(c), 10_000, seed)
    assert error(optimizer.recommend(state)[0]) < 5e-4


def test_an_odd_population_is_raised_to_pairs() -> None:
    optimizer = ESHybridSystemOptimizer(pop_size=5)
    ask, _ = optimizer.ask(optimizer.init(Problem(unit_space(1), unit_space(1).default, 1)))
    assert ask is not None
    assert len(ask.population) == 6


@pytest.mark.parametrize("settings", [
    {"sigma": 0}, {"sigma": -0.5}, {"sigma": "auto"}, {"lr": 0}, {"lr": -0.5}, {"rank": 0}, {"steps": -1},
    {"pop_size": 0}, {"pop_size": 1, "antithetic": False},
])  # fmt: skip
def test_settings_out_of_range_are_refused_when_given(settings: dict[str, Any]) -> None:
    name, value = next(iter(settings.items()))
    with pytest.raises(SpaceError, match=f"^{name} is {value!r};"):
        ESHybridSystemOptimizer(**settings)


def test_doing_nothing_asks_nothing() -> None:
    space = unit_space(1)
    for optimizer in (NoOpPromptOptimizer(), NoOpSystemOptimizer()):
        ask, state = optimizer.ask(optimizer.init(Problem(space, space.default, 3)))
        assert ask is None
        assert optimizer.recommend(state) == (space.default,)
