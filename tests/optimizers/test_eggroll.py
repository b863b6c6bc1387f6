from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hyperfunc.errors import MetricError, SpaceError
from hyperfunc.optimizers import SNES, Ask, Eggroll, Problem, State, Told
from hyperfunc.optimizers.rule import rate
from hyperfunc.spaces import Choice, Integer, LowRankStack, Matrix, Real, Space, Text

SLOPE = np.random.default_rng(9).normal(size=(40, 30))


def space(*shape: int, rank: int | None = 1) -> Space:
    return Space({"w": Matrix(shape, noise_rank=rank)})


def begun(optimizer: Eggroll, where: Space, seed: int = 0, n_examples: int = 1) -> tuple[Ask, State]:
    ask, state = optimizer.ask(optimizer.init(Problem(where, where.default, n_examples, seed=seed)))
    assert ask is not None
    return ask, state


def written_out(ask: Ask, name: str = "w") -> np.ndarray:
    column = ask.population.columns[name]  # type: ignore[union-attr]
    return np.stack([column[k] for k in range(len(ask.population))])


def step_on(optimizer: Eggroll, slope: np.ndarray | None, seed: int = 0) -> float:
    """Root mean square of the first change on a linear function, or on noise, in units of the weights."""
    where = space(*SLOPE.shape)
    ask, state = begun(optimizer, where, seed)
    if slope is None:
        values_K = np.random.default_rng(seed).normal(size=len(ask.population))
    else:
        values_K = np.tensordot(written_out(ask), slope, axes=2)
    moved = optimizer.tell(state, ask, Told(values_K)).own.arrays["w"]
    return float(np.sqrt(np.mean(moved**2)) * math.sqrt(SLOPE.shape[1]))


# The step


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize(("population", "sigma", "rank"), [
    (16, 0.1, 1), (256, 0.1, 1), (4096, 0.1, 1), (64, 0.001, 1), (64, 10.0, 1), (64, 0.1, 8), (64, 0.1, 30),
])  # fmt: skip
def test_law_a_step_on_a_slope_is_lr_long_whatever_population_sigma_and_rank(
    population: int, sigma: float, rank: int, mirrored: bool
) -> None:
    optimizer = Eggroll(population, sigma, lr=0.05, rank=rank, mirrored=mirrored)
    lengths = [step_on(optimizer, SLOPE, seed) for seed in range(3)]
    assert np.mean(lengths) == pytest.approx(0.05, rel=0.15)


@pytest.mark.parametrize(("population", "sigma"), [(16, 0.1), (512, 0.1), (64, 0.001)])
def test_without_a_signal_a_step_is_a_little_shorter(population: int, sigma: float) -> None:
    lengths = [step_on(Eggroll(population, sigma, lr=0.05), None, seed) for seed in range(3)]
    assert np.mean(lengths) == pytest.approx(0.05 * math.sqrt(0.5), rel=0.3)


@pytest.mark.parametrize("population", [16, 64, 1024])
@pytest.mark.parametrize(("share", "rests"), [(0.3, True), (0.7, True), (2.0, False)])
def test_a_search_comes_to_rest_at_an_optimum_unless_its_steps_are_too_long(
    population: int, share: float, rests: bool
) -> None:
    pairs = population // 2
    longest = 0.1 * math.sqrt(2 * pairs / (pairs + 12 + 1))
    optimizer = Eggroll(population, 0.1, lr=share * longest, rank=4, unit="raw")
    ask, state = begun(optimizer, space(4, 3))
    for _ in range(150):
        state = optimizer.tell(state, ask, Told(-((written_out(ask) - 0.2) ** 2).sum((1, 2))))
        ask, state = optimizer.ask(state)  # type: ignore[assignment]
    assert bool(np.sqrt(np.mean((state.own.arrays["w"] - 0.2) ** 2)) < 0.01) == rests


def test_ranks_make_steps_of_the_same_length() -> None:
    assert step_on(Eggroll(64, 0.1, lr=0.05, shaping="rank"), SLOPE) == pytest.approx(0.05, rel=0.15)


def test_the_first_step_of_adam_is_lr_long() -> None:
    assert step_on(Eggroll(64, 0.1, lr=0.05, solver="adam"), SLOPE) == pytest.approx(0.05, rel=1e-3)


def test_the_unit_of_the_metric_does_not_matter() -> None:
    assert step_on(Eggroll(64, 0.1), SLOPE) == pytest.approx(step_on(Eggroll(64, 0.1), 1e4 * SLOPE), rel=1e-4)


def test_raw_units_are_entries() -> None:
    optimizer = Eggroll(64, 0.1, lr=0.05, unit="raw")
    assert step_on(optimizer, SLOPE) == pytest.approx(0.05 * math.sqrt(30), rel=0.15)
    changes = written_out(begun(optimizer, space(40, 30))[0])
    assert changes.std() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("mirrored", [True, False])
def test_an_update_is_the_formula_over_members_written_out(rank: int, mirrored: bool) -> None:
    optimizer = Eggroll(8, 0.2, lr=0.1, rank=rank, mirrored=mirrored, weight_decay=0.5)
    where = Space({"w": Matrix((5, 4), np.full((5, 4), 2.0)), "b": Matrix((3,))})
    ask, state = begun(optimizer, where)
    values_K = np.array([3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0, 6.0])
    after = optimizer.tell(state, ask, Told(values_K)).own.arrays
    z_K = (values_K - values_K.mean()) / values_K.std()
    factor = rate(4 if mirrored else 8, 23)
    for name, unit in (("w", 1 / 2), ("b", 1 / math.sqrt(3))):
        start = np.asarray(where.default[name])
        noise = (written_out(ask, name) - start) / (0.2 * unit)
        expected = 0.95 * start + 0.1 * unit * factor * np.tensordot(z_K, noise, axes=1) / 8
        np.testing.assert_allclose(after[name], expected, rtol=1e-4, atol=1e-5)


def test_adam_divides_by_the_running_deviation() -> None:
    optimizer = Eggroll(8, 0.2, lr=0.1, solver="adam", unit="raw")
    where = space(3, 2)
    ask, state = begun(optimizer, where)
    plain = replace(optimizer, solver="sgd")
    mean, square, array = np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2))
    for step in (1, 2, 3):
        values_K = np.random.default_rng(step).normal(size=8)
        before = state.own.arrays["w"]
        direction = (plain.tell(state, ask, Told(values_K)).own.arrays["w"] - before) / 0.1
        state = optimizer.tell(state, ask, Told(values_K))
        mean, square = 0.9 * mean + 0.1 * direction, 0.999 * square + 0.001 * direction**2
        array = array + 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        np.testing.assert_allclose(state.own.arrays["w"], array, rtol=1e-3, atol=1e-5)
        again, state = optimizer.ask(state)
        assert again is not None
        ask = again


# The population


def test_mirrored_members_lie_side_by_side() -> None:
    where = Space({"w": Matrix((6, 4)), "b": Matrix((3,)), "x": Real(0, 1)})
    ask, _ = begun(Eggroll(8, 0.1), where)
    for name in ("w", "b"):
        members = written_out(ask, name)
        np.testing.assert_allclose(members[0::2], -members[1::2], atol=1e-6)
        assert np.abs(members[0] + members[2]).max() > 1e-3
    numbers = np.array([member["x"] for member in ask.population])
    np.testing.assert_allclose(numbers[0::2] + numbers[1::2], 1.0, atol=1e-6)


def test_matrices_are_stacks_of_factors_and_vectors_arrays() -> None:
    where = Space(
        {"w": Matrix((6, 4)), "c": Matrix((4, 2, 3, 3)), "b": Matrix((3,)), "s": Matrix((2, 2), noise_rank=2)}
    )
    ask, _ = begun(Eggroll(8, 0.1), where)
    columns = ask.population.columns  # type: ignore[union-attr]
    assert isinstance(columns["w"], LowRankStack)
    assert isinstance(columns["c"], LowRankStack)
    assert columns["c"].rank == 1
    assert columns["b"].shape == (8, 3)  # type: ignore[union-attr]
    assert columns["s"].shape == (8, 2, 2)  # type: ignore[union-attr]
    assert ask.population.throwaway  # type: ignore[union-attr]


def test_the_same_seed_makes_the_same_members_and_knobs_have_noise_of_their_own() -> None:
    where = Space({"w": Matrix((6, 4)), "v": Matrix((6, 4))})
    one, again, other = (begun(Eggroll(8, 0.1), where, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(written_out(one), written_out(again))
    assert not np.isclose(written_out(one), written_out(other)).any()
    assert not np.isclose(written_out(one), written_out(one, "v")).any()


@pytest.mark.parametrize("reuse", [1, 3])
def test_noise_is_fresh_after_as_many_generations_as_asked(reuse: int) -> None:
    optimizer = Eggroll(4, 0.1, reuse=reuse)
    where = Space({"w": Matrix((6, 4)), "x": Real(0, 1)})
    ask, state = begun(optimizer, where)
    seen, numbers = [], []
    for _ in range(6):
        seen.append(tuple(np.round(written_out(ask)[0] - state.own.arrays["w"], 5).ravel().tolist()))
        numbers.append(ask.population[0]["x"])
        state = optimizer.tell(state, ask, Told(np.zeros(4)))
        again, state = optimizer.ask(state)
        assert again is not None
        ask = again
    assert len(set(seen)) == 6 // reuse
    assert len(set(numbers)) == 6


def test_widths_and_steps_decay() -> None:
    optimizer = Eggroll(64, 0.1, lr=0.05, sigma_decay=0.5, lr_decay=0.25, reuse=2)
    ask, state = begun(optimizer, space(*SLOPE.shape))
    first = written_out(ask).std()
    values_K = np.tensordot(written_out(ask), SLOPE, axes=2)
    once = optimizer.tell(state, ask, Told(values_K))
    second, later = optimizer.ask(once)
    assert second is not None
    assert (written_out(second) - once.own.arrays["w"]).std() == pytest.approx(first / 2, rel=1e-3)
    twice = optimizer.tell(later, second, Told(values_K)).own.arrays["w"]
    np.testing.assert_allclose(twice, 1.25 * once.own.arrays["w"], rtol=1e-3, atol=1e-6)


def test_the_memory_for_noise_changes_nothing() -> None:
    def after(memory: int) -> np.ndarray:
        optimizer = Eggroll(8, 0.1, noise_memory=memory)
        ask, state = begun(optimizer, Space({"w": Matrix((6, 4)), "v": Matrix((6, 4))}))
        held = {name: noise.memory for name, noise in state.own.noise.items()}
        assert sum(held.values()) == min(memory // 160 * 160, 320)
        return np.asarray(optimizer.tell(state, ask, Told(np.arange(8.0))).own.arrays["v"])

    assert np.array_equal(after(0), after(1 << 20))
    assert np.array_equal(after(0), after(200))


# Fitness


def test_a_missing_member_takes_its_mirror_image_along_and_is_counted() -> None:
    optimizer = Eggroll(8, 0.2)
    ask, state = begun(optimizer, space(6, 4))
    values_K = np.array([3.0, math.nan, 4.0, 1.0, -5.0, 9.0, 2.0, 6.0])
    after = optimizer.tell(state, ask, Told(values_K))
    lone = optimizer.tell(state, ask, Told(np.where(np.arange(8) < 1, 1e9, values_K)))
    assert np.array_equal(after.own.arrays["w"], lone.own.arrays["w"])
    kept = values_K[2:]
    z_K = (kept - kept.mean()) / kept.std()
    noise = written_out(ask)[2:] / (0.2 / 2)
    expected = 0.1 / 2 * rate(3, 24) * np.tensordot(z_K, noise, axes=1) / 6
    np.testing.assert_allclose(after.own.arrays["w"], expected, rtol=1e-4, atol=1e-6)
    assert after.own.missing == 1
    again, state = optimizer.ask(after)
    assert again is not None
    assert optimizer.tell(state, again, Told(np.full(8, math.nan))).own.missing == 9


def test_groups_follow_what_examples_say_and_not_how_hard_they_are() -> None:
    optimizer = Eggroll(6, 0.2, shaping="group")
    where = space(6, 4)
    ask, state = begun(optimizer, where, n_examples=3)
    rng = np.random.default_rng(0)
    scores_KN = rng.normal(size=(6, 3))
    hard = scores_KN + np.array([0.0, 50.0, -30.0])
    missing = hard.copy()
    missing[2, 1] = math.nan

    def after(scores: np.ndarray) -> np.ndarray:
        return np.asarray(optimizer.tell(state, ask, Told(np.nanmean(scores, 1), scores)).own.arrays["w"])

    np.testing.assert_allclose(after(scores_KN), after(hard), rtol=1e-4, atol=1e-7)
    # A member that misses the easiest example is not taken for a bad one.
    assert np.corrcoef(after(missing).ravel(), after(hard).ravel())[0, 1] > 0.8
    with pytest.raises(MetricError, match="per item"):
        optimizer.tell(state, ask, Told(np.zeros(6)))


def test_one_vector_of_values_moves_matrices_and_numbers() -> None:
    where = Space(
        {"w": Matrix((4, 3)), "x": Real(0, 1), "n": Integer(0, 20), "c": Choice(("a", "b")), "t": Text("x")}
    )
    target = np.random.default_rng(0).normal(size=(4, 3))
    optimizer = Eggroll(32, 0.2)
    ask, state = begun(optimizer, where)
    for _ in range(60):
        error_K = ((written_out(ask) - target) ** 2).mean((1, 2))
        rest_K = np.array(
            [(m["x"] - 0.8) ** 2 + (m["n"] / 20 - 0.2) ** 2 + (m["c"] == "a") for m in ask.population]
        )
        state = optimizer.tell(state, ask, Told(-error_K - rest_K))
        ask, state = optimizer.ask(state)  # type: ignore[assignment]
    best, start = optimizer.recommend(state)
    assert np.mean((best["w"] - target) ** 2) < 0.05 * np.mean(target**2)
    assert abs(best["x"] - 0.8) < 0.1
    assert abs(best["n"] - 4) <= 1
    assert best["c"] == "b"
    assert best["t"] == "x"
    assert start == where.default


def test_without_matrices_it_is_snes() -> None:
    where = Space({"x": Real(0, 1), "y": Real(0, 1)})
    problem = Problem(where, where.default, 1, seed=3)
    one, other = Eggroll(8), SNES(8)
    states = [one.init(problem), other.init(problem)]
    for step in range(3):
        values_K = np.random.default_rng(step).normal(size=8)
        for place, optimizer in enumerate((one, other)):
            ask, state = optimizer.ask(states[place])
            assert ask is not None
            states[place] = optimizer.tell(state, ask, Told(values_K))
    assert one.recommend(states[0]) == other.recommend(states[1])


def test_automatic_sigma_is_probed_once_before_anything_moves() -> None:
    where = Space({"w": Matrix((8, 6), np.ones((8, 6), np.float32)), "x": Real(0, 1)})
    optimizer = Eggroll(8)
    ask, state = begun(optimizer, where)
    assert "how wide" in ask.note
    assert all(member["x"] == where.default["x"] for member in ask.population)
    state = optimizer.tell(state, ask, Told(-((written_out(ask) - 1.01) ** 2).sum((1, 2))))
    assert state.own.sigma < 0.1
    assert optimizer.recommend(state) == (where.default,)
    ask, state = optimizer.ask(state)  # type: ignore[assignment]
    assert len(ask.population) == 8
    width = np.std(written_out(ask) - 1.0)
    assert width == pytest.approx(state.own.sigma / math.sqrt(6), rel=0.5)


@pytest.mark.parametrize("settings", [
    {"population": 7}, {"population": 0}, {"sigma": 0.0}, {"sigma": math.nan}, {"sigma": "wide"}, {"lr": 0.0},
    {"lr": -1.0}, {"rank": 0}, {"reuse": 0}, {"sigma_decay": 0.0}, {"lr_decay": 1.5}, {"weight_decay": -1.0},
    {"knob_sigma": 0.0}, {"knob_sigma": math.inf}, {"steps": -1}, {"examples": 0},
    {"shaping": "best"}, {"solver": "lion"}, {"unit": "rows"},
])  # fmt: skip
def test_a_setting_out_of_range_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(SpaceError, match=next(iter(settings))):
        Eggroll(**settings)


def test_a_space_without_numbers_asks_nothing() -> None:
    words = Space({"t": Text("x")})
    ask, _ = Eggroll().ask(Eggroll().init(Problem(words, words.default, 2)))
    assert ask is None


def accuracy_after(rank: int | None, seed: int) -> float:
    """Of a student with 20 inputs and 8 classes, after 60 generations of a teacher's answers."""
    rng = np.random.default_rng(seed)
    teacher, inputs, held_out = (rng.normal(size=shape) for shape in ((8, 20), (200, 20), (1000, 20)))
    where = space(8, 20, rank=rank)
    optimizer = Eggroll(32, 0.2, lr=0.15)
    ask, state = begun(optimizer, where, seed)

    def accuracy(points: np.ndarray, weights_K: np.ndarray) -> np.ndarray:
        answers = np.einsum("ni,koi->kno", points, weights_K).argmax(2)
        return np.asarray((answers == (points @ teacher.T).argmax(1)).mean(1))

    for _ in range(60):
        state = optimizer.tell(state, ask, Told(accuracy(inputs, written_out(ask))))
        ask, state = optimizer.ask(state)  # type: ignore[assignment]
    return float(accuracy(held_out, state.own.arrays["w"][None])[0])


def test_rank_one_learns_as_well_as_full_noise() -> None:
    one, full = (np.mean([accuracy_after(rank, seed) for seed in range(3)]) for rank in (1, None))
    assert one > 0.5
    assert one > full - 0.1


def test_members_that_do_not_fit_into_memory_are_refused_by_name() -> None:
    space = Space({"bias": Matrix((1_000_000,))})
    with pytest.raises(SpaceError, match=r"'bias' has full noise, and population=100000000 members"):
        Eggroll(population=100_000_000).init(Problem(space, space.default, n_examples=1))
