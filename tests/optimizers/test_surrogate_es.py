from __future__ import annotations

import math

import numpy as np
import pytest
from tests.optimizers.driving import climb, unit_space

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import SNES, Optimizer, Problem, State, SurrogateES, Told
from hyperfunc.spaces import Choice, Integer, Real, Space, Text


def regret(optimizer: Optimizer, dim: int, evaluations: int, seed: int) -> float:
    """Share of the distance in value that is left on a sphere with 10 % noise."""
    rng = np.random.default_rng(seed)
    space, best = unit_space(dim), rng.uniform(0.1, 0.9, dim)
    start = float(((0.5 - best) ** 2).sum())
    problem = Problem(space, space.default, 1, seed=seed, lanes=evaluations)
    state = optimizer.init(problem)
    left = evaluations
    while left:
        ask, state = optimizer.ask(state)
        assert ask is not None
        left -= len(ask.population)
        assert left >= 0
        places_KD = np.array([space.to_unit(member) for member in ask.population])
        values_K = -((places_KD - best) ** 2).sum(1) + 0.1 * start * rng.normal(size=len(places_KD))
        state = optimizer.tell(state, ask, Told(values_K))
    return float(((space.to_unit(optimizer.recommend(state)[0]) - best) ** 2).sum()) / start


@pytest.mark.parametrize(("dim", "evaluations", "most"), [(5, 200, 0.03), (20, 1000, 0.04)])
def test_a_noisy_sphere_is_climbed_to_the_last_evaluation(dim: int, evaluations: int, most: float) -> None:
    assert np.median([regret(SurrogateES(), dim, evaluations, seed) for seed in range(5)]) < most


def test_the_surface_helps() -> None:
    with_it = np.median([regret(SurrogateES(), 20, 1000, seed) for seed in range(5)])
    without = np.median([regret(SurrogateES(pull=0.0), 20, 1000, seed) for seed in range(5)])
    assert with_it < without


def test_without_the_surface_it_is_snes() -> None:
    space = unit_space(3)
    found = [
        climb(optimizer, space, lambda c: -((c["x0"] - 0.2) ** 2) - c["x1"], 96).own
        for optimizer in (SurrogateES(population=8, pull=0.0), SNES(population=8))
    ]
    assert np.allclose(found[0].search.mean_D, found[1].mean_D)
    assert np.allclose(found[0].search.widths_D, found[1].widths_D)


def first_ask(dim: int, n_examples: int, lanes: int | None, **settings: int) -> tuple[int, int]:
    """Members and examples of the first generation."""
    space = unit_space(dim)
    optimizer = SurrogateES(**settings)
    ask, _ = optimizer.ask(optimizer.init(Problem(space, space.default, n_examples, lanes=lanes)))
    assert ask is not None
    return len(ask.population), len(ask.examples)


@pytest.mark.parametrize(
    ("dim", "n_examples", "lanes", "expected"),
    [
        (5, 1, None, (14, 1)),
        (20, 1, 5000, (50, 1)),
        (20, 1, None, (32, 1)),
        (100, 500, None, (32, 32)),
        (20, 1, 100, (16, 1)),
        (20, 1, 10, (4, 1)),
        (5, 1, 100_000, (1000, 1)),
        (2, 20, 600, (10, 5)),
        (2, 20, 8000, (10, 20)),
    ],
)
def test_a_generation_fits_the_budget(
    dim: int, n_examples: int, lanes: int | None, expected: tuple[int, int]
) -> None:
    assert first_ask(dim, n_examples, lanes) == expected


def test_a_population_that_was_given_is_kept() -> None:
    assert first_ask(20, 1, 100, population=40) == (40, 1)


@pytest.mark.parametrize("lanes", range(20, 3000, 170))
@pytest.mark.parametrize("n_examples", [1, 7, 200])
def test_no_generation_takes_more_than_a_fifth(lanes: int, n_examples: int) -> None:
    members, examples = first_ask(20, n_examples, lanes)
    assert members == 4 or members * examples <= lanes / 5


def test_missing_members_are_left_out() -> None:
    space = unit_space(2)
    optimizer = SurrogateES(population=8)
    ask, state = optimizer.ask(optimizer.init(Problem(space, space.default, 1)))
    assert ask is not None
    after = optimizer.tell(state, ask, Told(np.array([math.nan, math.inf, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])))
    assert len(after.own.values_K) == 6
    assert np.isfinite(after.own.search.mean_D).all()
    nothing = optimizer.tell(state, ask, Told(np.full(8, math.nan)))
    assert (nothing.own.search.mean_D == 0.5).all()


def test_equal_values_move_nothing() -> None:
    state = climb(SurrogateES(population=8), unit_space(3), lambda c: 7.0, 80)
    assert (state.own.search.mean_D == 0.5).all()


def test_bounds_hold_even_when_the_best_lies_beyond() -> None:
    space = Space(
        {"t": Real(0, 2, default=1.0), "n": Integer(1, 8), "c": Choice((False, True)), "p": Text("x")}
    )
    state = climb(SurrogateES(population=8), space, lambda c: c["t"] + c["n"] + c["c"], 400)
    best = SurrogateES().recommend(state)[0]
    assert best["t"] == pytest.approx(2.0, abs=0.02)
    assert (best["n"], best["c"], best["p"]) == (8, True, "x")


def test_examples_of_unlike_difficulty_do_not_mislead() -> None:
    space, rng = unit_space(3), np.random.default_rng(5)
    easy_N = 20.0 * rng.normal(size=50)
    optimizer = SurrogateES(population=12, examples=4)
    state: State = optimizer.init(Problem(space, space.default, 50))
    for _ in range(40):
        ask, state = optimizer.ask(state)
        assert ask is not None
        heights_K = np.array([-((space.to_unit(member) - 0.2) ** 2).sum() for member in ask.population])
        scores_KN = heights_K[:, None] + easy_N[list(ask.examples)]
        state = optimizer.tell(state, ask, Told(scores_KN.mean(1), scores_KN))
    assert np.allclose(state.own.search.mean_D, 0.2, atol=0.03)


def test_many_dimensions_go_without_a_surface() -> None:
    space = unit_space(201)
    found = [
        climb(optimizer, space, lambda c: c["x0"], 96).own
        for optimizer in (SurrogateES(population=32), SNES())
    ]
    assert np.allclose(found[0].search.mean_D, found[1].mean_D)


def test_the_steps_are_counted() -> None:
    assert climb(SurrogateES(population=4, steps=3), unit_space(1), lambda c: 0.0, 10_000).step == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"population": 5}, {"population": 2}, {"sigma": 0.0}, {"examples": 0}, {"pull": 1.5}, {"radius": 0.0},
        {"steps": -1},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(settings: dict[str, float]) -> None:
    with pytest.raises(SpaceError):
        SurrogateES(**settings)  # type: ignore[arg-type]
