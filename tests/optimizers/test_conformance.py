"""What every optimizer must keep, whatever its algorithm."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

from hyperfunc.errors import MetricError, SpaceError
from hyperfunc.optimizers import (
    ASHA,
    SNES,
    Ask,
    Bayesian,
    EditSearch,
    Eggroll,
    ESHybridSystemOptimizer,
    ExemplarSearch,
    Fixed,
    Grid,
    Hyperband,
    Joint,
    NoOp,
    NumberSearch,
    Optimizer,
    Problem,
    Racing,
    Random,
    Search,
    Slots,
    Sobol,
    State,
    SuccessiveHalving,
    SurrogateES,
    Told,
)
from hyperfunc.spaces import Candidate, Choice, Exemplars, Integer, Matrix, Real, Space, Text

PARTS = (EditSearch({"*": ["Be kind.", "Be brief.", "Shout."]}), ExemplarSearch(), NumberSearch())
OPTIMIZERS: dict[str, Optimizer] = {
    "noop": NoOp(),
    "random": Search(Random(20), Fixed(examples=3, batch=6)),
    "grid": Search(Grid({"heat": 3, "tries": 4, "mode": 2}), Fixed(batch=7)),
    "race": Search(Random(7), Racing(entrants=8, lanes=200)),
    "bayesian": Search(Bayesian(12, first=3, pool=32), Fixed(examples=3, batch=4)),
    "sobol": Search(Sobol(12), SuccessiveHalving(entrants=9, lanes=80)),
    "hyperband": Search(Random(12), Hyperband(lanes=100)),
    "asha": Search(Random(12), ASHA(lanes=100)),
    "snes": SNES(population=6, steps=5, examples=4),
    "surrogate": SurrogateES(population=6, steps=5, examples=4),
    "eggroll": Eggroll(population=6, steps=5, examples=4),
    "eggroll-plain": Eggroll(population=5, sigma=0.1, steps=5, mirrored=False, shaping="rank", solver="adam"),
    "eggroll-group": Eggroll(population=6, sigma=0.1, rank=2, shaping="group", reuse=3, noise_memory=0),
    "older": ESHybridSystemOptimizer(steps=4, pop_size=5),
    "joint": Joint(PARTS),
    "edits": PARTS[0],
    "exemplars": PARTS[1],
    "numbers": PARTS[2],
    "slots": Slots(Joint(PARTS), SNES(population=4)),
    "slots-noop": Slots(NoOp(), SNES(population=4, steps=3)),
}
ASKS = 8
N = 10


def space() -> Space:
    return Space(
        {
            "say.prompt": Text("Answer. Shout."),
            "heat": Real(0, 2, default=1.0),
            "tries": Integer(1, 5),
            "mode": Choice(("a", "b", "c")),
            "say.exemplars": Exemplars(pool=(("1", "2"), ("3", "4")), max_items=2),  # type: ignore[arg-type]
            "head": Matrix((2, 2)),
            "fixed": Text("never changes"),
        }
    ).freeze("fixed")


def problem(seed: int = 0, per_item: bool = True) -> Problem:
    return Problem(space(), space().default, N, seed=seed, per_item=per_item, calls_per_lane=1.0)


def score(candidate: Candidate, item: int) -> float:
    """Deterministic, and better for cool, kind and brief candidates.

    The luck is smooth in the numbers: machines do not agree on the last bits of products of matrices.
    """
    text = candidate["say.prompt"]
    worth = 0.3 * ("kind" in text) + 0.2 * ("brief" in text) - 0.2 * ("Shout" in text)
    words = [text, candidate["mode"], *(shown.input for shown in candidate["say.exemplars"])]
    rng = np.random.default_rng([zlib.crc32(repr(words).encode()), item])
    numbers = space().ravel(candidate)
    luck = 0.28 * np.sin(rng.uniform(0, 6) + numbers @ rng.normal(0, 3, len(numbers)))
    return float(worth - 0.3 * candidate["heat"] + 0.1 * len(candidate["say.exemplars"]) + luck)


def answer(ask: Ask, per_item: bool = True) -> Told:
    scores_KN = np.array([[score(member, item) for item in ask.examples] for member in ask.population])
    return Told(scores_KN.mean(1), scores_KN if per_item else None)


def played(
    optimizer: Optimizer, seed: int = 0, asks: int = ASKS, per_item: bool = True
) -> tuple[State, list[tuple[Ask, Told]]]:
    state, log = optimizer.init(problem(seed, per_item)), []
    for _ in range(asks):
        ask, state = optimizer.ask(state)
        if ask is None:
            break
        told = answer(ask, per_item)
        state = optimizer.tell(state, ask, told)
        log.append((ask, told))
    return state, log


def is_grid(optimizer: Optimizer) -> bool:
    return isinstance(optimizer, Search) and isinstance(optimizer.proposer, Grid)


def shown(ask: Ask) -> tuple[object, ...]:
    return tuple(member.id for member in ask.population), ask.examples, ask.repeat, ask.note


@pytest.fixture(params=OPTIMIZERS)
def optimizer(request: pytest.FixtureRequest) -> Optimizer:
    return OPTIMIZERS[request.param]


def test_replaying_what_was_told_asks_the_same(optimizer: Optimizer) -> None:
    state, log = played(optimizer)
    again = optimizer.init(problem())
    for ask, told in log:
        repeated, again = optimizer.ask(again)
        assert repeated is not None
        assert shown(repeated) == shown(ask)
        again = optimizer.tell(again, repeated, told)
    assert optimizer.recommend(again) == optimizer.recommend(state)


def test_asking_and_recommending_change_nothing(optimizer: Optimizer) -> None:
    state, _ = played(optimizer, asks=3)
    first, _ = optimizer.ask(state)
    optimizer.recommend(state)
    second, _ = optimizer.ask(state)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert shown(first) == shown(second)


def test_another_seed_asks_something_else(optimizer: Optimizer) -> None:
    if isinstance(optimizer, NoOp) or is_grid(optimizer):
        return
    one, other = ([shown(ask) for ask, _ in played(optimizer, seed)[1]] for seed in (0, 1))
    assert one != other


def test_asks_stay_within_the_problem(optimizer: Optimizer) -> None:
    _, log = played(optimizer)
    for ask, _ in log:
        ids = [member.id for member in ask.population]
        # A generation is drawn, not chosen: at a bound two of its members may meet.
        assert len(set(ids)) == len(ids) or getattr(ask.population, "throwaway", False)
        assert len(set(ask.examples)) == len(ask.examples) > 0
        assert set(ask.examples) <= set(range(N))
        assert all(member["fixed"] == "never changes" for member in ask.population)
        assert ask.note


def test_the_recommendation_is_never_empty_and_of_this_space(optimizer: Optimizer) -> None:
    for asks in (0, 1, ASKS):
        state, _ = played(optimizer, asks=asks)
        best = optimizer.recommend(state)
        assert best
        assert all(set(candidate) == set(space().default) for candidate in best)
    assert optimizer.recommend(optimizer.init(problem())) == (space().default,)


def test_missing_values_never_enter_the_archive(optimizer: Optimizer) -> None:
    state = optimizer.init(problem())
    for step in range(5):
        ask, state = optimizer.ask(state)
        if ask is None:
            break
        told = answer(ask)
        assert told.scores_KN is not None
        told.values_K[step % len(told.values_K)] = math.nan
        told.scores_KN[step % len(told.values_K)] = math.nan
        told.scores_KN[:, 0] = math.inf
        state = optimizer.tell(state, ask, told)
    for scores in state.archive.scores.values():
        assert all(map(math.isfinite, scores.values()))
    for candidate in optimizer.recommend(state):
        assert all(map(math.isfinite, space().ravel(candidate)))


def test_nothing_but_missing_values_is_survived(optimizer: Optimizer) -> None:
    state = optimizer.init(problem())
    for _ in range(4):
        ask, state = optimizer.ask(state)
        if ask is None:
            break
        shape = (len(ask.population), len(ask.examples))
        state = optimizer.tell(state, ask, Told(np.full(shape[0], math.nan), np.full(shape, math.nan)))
    assert optimizer.recommend(state)[0] == space().default


def test_metrics_over_sets_give_values_alone(optimizer: Optimizer) -> None:
    if optimizer is OPTIMIZERS["eggroll-group"]:
        with pytest.raises(SpaceError, match="scores per example"):
            played(optimizer, per_item=False)
        return
    state, log = played(optimizer, per_item=False)
    assert optimizer.recommend(state)
    if isinstance(optimizer, Joint):
        assert min(len(ask.examples) for ask, _ in log[1:]) == N


def test_answers_of_another_shape_are_refused(optimizer: Optimizer) -> None:
    ask, state = optimizer.ask(optimizer.init(problem()))
    if ask is None:
        return
    with pytest.raises(MetricError, match="shape"):
        optimizer.tell(state, ask, Told(np.zeros(len(ask.population) + 1)))
    with pytest.raises(MetricError, match="shape"):
        optimizer.tell(state, ask, Told(np.zeros(len(ask.population)), np.zeros((1, 1, 1))))


def test_settings_are_records_that_print_themselves(optimizer: Optimizer) -> None:
    assert " at 0x" not in repr(optimizer)
    assert repr(optimizer).startswith(type(optimizer).__name__)


def test_an_empty_space_is_nothing_to_do(optimizer: Optimizer) -> None:
    nothing = space().freeze(lambda name, knob: True)
    empty = Problem(nothing, nothing.default, N)
    if is_grid(optimizer):
        return
    state = optimizer.init(empty)
    for _ in range(3):
        ask, state = optimizer.ask(state)
        if ask is None:
            break
        state = optimizer.tell(state, ask, answer(ask))
    else:
        pytest.fail("an optimizer goes on although nothing can be changed")
    assert optimizer.recommend(state) == (nothing.default,)
