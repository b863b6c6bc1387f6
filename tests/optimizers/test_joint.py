from __future__ import annotations

import math

import numpy as np
import pytest
from tests.optimizers.pipeline import Pipeline

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import (
    SNES,
    EditSearch,
    Eggroll,
    ExemplarSearch,
    Joint,
    NoOp,
    NumberSearch,
    Problem,
    Slots,
    State,
    Told,
    automatic,
)
from hyperfunc.spaces import Candidate, Choice, LowRankStack, Matrix, Population, Real, Space, Text


def joint(world: Pipeline) -> Joint:
    return Joint((EditSearch(world.phrases), ExemplarSearch(), NumberSearch()))


def trained(world: Pipeline, calls: int, seed: int) -> tuple[Joint, State]:
    optimizer = joint(world)
    state = optimizer.init(world.problem(seed))
    while len(world.calls) < calls:
        ask, state = optimizer.ask(state)
        assert ask is not None
        state = optimizer.tell(state, ask, world.answer(ask))
    return optimizer, state


@pytest.mark.parametrize("seed", [100, 101])
def test_a_pipeline_gains_on_items_that_the_search_never_saw(seed: int) -> None:
    world = Pipeline(seed)
    optimizer, state = trained(world, 800, seed)
    best = optimizer.recommend(state)[0]
    assert world.held_out(best) > world.held_out(world.space.default) + 0.25


def test_an_ask_costs_fewer_calls_than_its_lanes_alone() -> None:
    world = Pipeline(102)
    trained(world, 500, 0)
    assert len(world.calls) < 2.2 * len(world.cells)


def test_every_candidate_is_near_the_best_and_few_repeat() -> None:
    world = Pipeline(103)
    _, state = trained(world, 400, 0)
    ask, _ = joint(world).ask(state)
    assert ask is not None
    old = [member for member in ask.population if member.id in state.archive.candidates]
    assert len(old) <= 3
    assert len(ask.population) == 12
    assert len(ask.examples) == 2


def test_examples_are_used_evenly() -> None:
    world = Pipeline(104, n_train=7)
    optimizer = joint(world)
    state = optimizer.init(world.problem(0))
    counts = np.zeros(7)
    for _ in range(22):
        ask, state = optimizer.ask(state)
        assert ask is not None
        if state.step:
            counts[list(ask.examples)] += 1
        state = optimizer.tell(state, ask, world.answer(ask))
    assert counts.max() - counts.min() <= 2


def test_a_small_space_is_searched_to_its_end_and_no_further() -> None:
    space = Space({"mode": Choice(("a", "b", "c")), "loud": Choice((True, False))})
    optimizer = Joint((NumberSearch(),))
    state = optimizer.init(Problem(space, space.default, 4))

    def score(member: Candidate, item: int) -> float:
        return 0.5 * (member["mode"] == "c") + 0.25 * (not member["loud"]) + 0.05 * item

    for _ in range(50):
        ask, state = optimizer.ask(state)
        if ask is None:
            break
        scores_KN = np.array([[score(member, item) for item in ask.examples] for member in ask.population])
        state = optimizer.tell(state, ask, Told(scores_KN.mean(1), scores_KN))
    assert ask is None
    assert len(state.archive) == 6
    assert all(len(scores) == 4 for scores in state.archive.scores.values())
    best = optimizer.recommend(state)[0]
    assert (best["mode"], best["loud"]) == ("c", False)


def test_no_change_is_recommended_when_nothing_helps() -> None:
    space = Space({"p": Text("Perfect. As it is.")})
    optimizer = EditSearch({"p": ["Worse.", "Bad."]})
    state = optimizer.init(Problem(space, space.default, 20))
    for _ in range(12):
        ask, state = optimizer.ask(state)
        assert ask is not None
        worth = [1.0 if member == space.default else 0.2 for member in ask.population]
        scores_KN = np.repeat(np.array(worth)[:, None], len(ask.examples), axis=1)
        state = optimizer.tell(state, ask, Told(scores_KN.mean(1), scores_KN))
    assert optimizer.recommend(state)[0] == space.default


def test_a_pair_that_only_works_together_is_kept() -> None:
    space = Space(
        {"f.a": Real(0, 1, default=0.5), "f.b": Real(0, 1, default=0.5), "g.c": Real(0, 1, default=0.0)}
    )
    optimizer = Joint((NumberSearch(),))
    state = optimizer.init(Problem(space, space.default, 50, seed=2))
    rng = np.random.default_rng(0)

    def value(c: Candidate) -> float:
        # Only the start's pair of f is good; g helps everywhere.
        pair = 0.5 if (c["f.a"], c["f.b"]) == (0.5, 0.5) else 0.1
        return pair + 0.4 * c["g.c"]

    for _ in range(25):
        ask, state = optimizer.ask(state)
        assert ask is not None
        means_K = np.array([value(member) for member in ask.population])
        scores_KN = means_K[:, None] + 0.1 * rng.normal(size=(len(means_K), len(ask.examples)))
        state = optimizer.tell(state, ask, Told(scores_KN.mean(1), scores_KN))
    best = optimizer.recommend(state)[0]
    assert (best["f.a"], best["f.b"]) == (0.5, 0.5)
    assert best["g.c"] > 0.7


def test_each_slot_learns_its_own_knobs_on_top_of_the_other() -> None:
    space = Space({"p": Text("Hm."), "x": Real(0, 1, default=0.5)})
    optimizer = Slots(EditSearch({"p": ["Good."]}), SNES(population=8))
    state = optimizer.init(Problem(space, space.default, 1, per_item=False))
    texts: list[set[str]] = []
    for _ in range(30):
        ask, state = optimizer.ask(state)
        assert ask is not None
        texts.append({member["p"] for member in ask.population})
        values_K = np.array([("Good" in member["p"]) - (member["x"] - 0.9) ** 2 for member in ask.population])
        state = optimizer.tell(state, ask, Told(values_K))
    best = optimizer.recommend(state)[0]
    assert "Good." in best["p"]
    assert math.isclose(best["x"], 0.9, abs_tol=0.05)
    assert texts[-1] != {"Hm."}


def test_doing_nothing_in_a_slot_leaves_its_knobs_alone() -> None:
    space = Space({"p": Text("Hm."), "x": Real(0, 1)})
    optimizer = Slots(NoOp(), SNES(population=4, steps=3))
    state = optimizer.init(Problem(space, space.default, 1))
    asked = 0
    while True:
        ask, state = optimizer.ask(state)
        if ask is None:
            break
        asked += 1
        assert {member["p"] for member in ask.population} == {"Hm."}
        state = optimizer.tell(state, ask, Told(np.arange(4.0)))
    assert asked == 3


@pytest.mark.parametrize(
    ("space", "calls", "name"),
    [
        (Space({"x": Real(0, 1)}), 0.0, "SurrogateES"),
        (Space({"x": Real(0, 1)}), 2.0, "Search"),
        (Space({f"x{k}": Real(0, 1) for k in range(30)}), 2.0, "Joint"),
        (Space({"w": Matrix((2, 2)), "x": Real(0, 1)}), 0.0, "Eggroll"),
        (Space({"p": Text("Hm."), "x": Real(0, 1)}), 0.0, "Joint"),
        (Space({"p": Text("Hm."), "w": Matrix((2, 2))}), 0.0, "Slots"),
        (Space({"p": Text("")}), 1.0, "NoOp"),
        (Space({}), 0.0, "NoOp"),
    ],
)
def test_the_automatic_choice_follows_the_kinds_of_knobs(space: Space, calls: float, name: str) -> None:
    assert type(automatic(space, calls_per_lane=calls)).__name__ == name


def test_the_automatic_choice_hands_on_its_phrases() -> None:
    chosen = automatic(Space({"p": Text("")}), phrases={"p": ["Be kind."]})
    assert chosen == Joint((EditSearch({"p": ["Be kind."]}), ExemplarSearch(), NumberSearch()))


@pytest.mark.parametrize(
    "settings",
    [{"population": 1}, {"variants": 0}, {"changes": 0.5}, {"rest": 1.0}, {"borrow": 2.0}, {"effect": 0.0}],
)
def test_settings_that_make_no_sense(settings: dict[str, float]) -> None:
    with pytest.raises(SpaceError, match="joint search needs"):
        Joint((NumberSearch(),), **settings)  # type: ignore[arg-type]


def test_slots_hand_a_population_of_stacks_on_as_it_is() -> None:
    space = Space({"p": Text("Hm."), "w": Matrix((6, 4)), "x": Real(0, 1)})
    optimizer = Slots(NoOp(), Eggroll(population=4, sigma=0.1))
    ask, state = optimizer.ask(optimizer.init(Problem(space, space.default, 1)))
    assert ask is not None
    assert isinstance(ask.population, Population)
    assert isinstance(ask.population.columns["w"], LowRankStack)
    assert ask.population.throwaway
    assert ask.population[1]["p"] == "Hm."
    values_K = np.array([float(member["w"].sum()) for member in ask.population])
    state = optimizer.tell(state, ask, Told(values_K))
    assert optimizer.recommend(state)[0]["w"].sum() > 0
    assert not len(state.archive)
