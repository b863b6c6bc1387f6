"""Halving spends no more than its budget, evenly over its brackets, and on the same examples for all."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import (
    ASHA,
    Ask,
    Bayesian,
    Fixed,
    Given,
    Hyperband,
    Problem,
    Racing,
    Random,
    Scheduler,
    Search,
    Sobol,
    State,
    SuccessiveHalving,
    Told,
)
from hyperfunc.optimizers.effects import posterior_means
from hyperfunc.optimizers.rungs import Bracket, example_row, planned
from hyperfunc.spaces import Choice, Integer, Real, Space

SCHEDULERS: dict[str, Scheduler] = {
    "halving": SuccessiveHalving(),
    "hyperband": Hyperband(),
    "asha": ASHA(),
    "repeats": Hyperband(repeats=3, eta=2.0, fewest=3),
    "asha-repeats": ASHA(repeats=3, eta=2.0, fewest=3),
    "entrants": SuccessiveHalving(entrants=12, batch=5),
}


def halved(
    scores_KN: NDArray[np.float64],
    scheduler: Scheduler,
    *,
    seed: int = 0,
    lanes: int | None = None,
    per_item: bool = True,
) -> tuple[Search, State, list[Ask]]:
    """A search over K candidates whose scores on N examples are known."""
    count, examples = scores_KN.shape
    space = Space({"k": Integer(0, count - 1, default=0)})
    search = Search(Given([{"k": k} for k in range(count)]), scheduler)
    state = search.init(Problem(space, space.default, examples, seed=seed, lanes=lanes, per_item=per_item))
    asks: list[Ask] = []
    while len(asks) < 3000:
        ask, state = search.ask(state)
        if ask is None:
            return search, state, asks
        found = scores_KN[np.ix_([member["k"] for member in ask.population], ask.examples)]
        state = search.tell(state, ask, Told(found.mean(1), found if per_item else None))
        asks.append(ask)
    pytest.fail("the search does not end")


def coins(seed: int, means: list[float], examples: int) -> NDArray[np.float64]:
    draws = np.random.default_rng(seed).random((len(means), examples))
    return (draws < np.array(means)[:, None]).astype(float)


def used(asks: list[Ask]) -> int:
    return sum(len(ask.population) * len(ask.examples) for ask in asks)


def cells(asks: list[Ask]) -> Counter[tuple[int, int, int]]:
    found: Counter[tuple[int, int, int]] = Counter()
    for ask in asks:
        found.update((member["k"], n, ask.repeat) for member in ask.population for n in ask.examples)
    return found


@given(
    most=st.integers(1, 2000),
    budget=st.integers(2, 20000),
    eta=st.sampled_from([2.0, 3.0, 4.0, 2.5]),
    fewest=st.integers(1, 30),
)
def test_brackets_are_equal_and_within_the_budget(most: int, budget: int, eta: float, fewest: int) -> None:
    plan = planned(most, budget, eta, fewest)
    assert plan.sweeps is not None
    assert plan.sweeps * sum(bracket.cost for bracket in plan.brackets) <= budget
    share = budget // (plan.sweeps * len(plan.brackets))
    for bracket in plan.brackets:
        assert bracket.cost <= share
        assert Bracket(bracket.entrants + 1, bracket.rungs, eta).cost > share
        assert list(bracket.rungs) == sorted(set(bracket.rungs))
        assert bracket.rungs[-1] <= most
    tops = {bracket.rungs[-1] for bracket in plan.brackets}
    assert len(tops) == 1
    lowest = [bracket.rungs[0] for bracket in plan.brackets]
    assert lowest == sorted(lowest)
    assert lowest[0] >= min(fewest, most, budget // 2)


def test_without_a_budget_the_brackets_are_those_of_the_paper() -> None:
    plan = planned(81, None, 3.0, 1)
    shown = [(bracket.entrants, bracket.rungs) for bracket in plan.brackets]
    assert shown == [
        (81, (1, 3, 9, 27, 81)),
        (34, (3, 9, 27, 81)),
        (15, (9, 27, 81)),
        (8, (27, 81)),
        (5, (81,)),
    ]
    assert plan.sweeps is None


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(sorted(SCHEDULERS)),
    count=st.integers(2, 60),
    examples=st.integers(1, 50),
    lanes=st.integers(2, 900),
    seed=st.integers(0, 99),
)
def test_no_schedule_asks_for_more_than_its_budget_or_for_a_cell_twice(
    name: str, count: int, examples: int, lanes: int, seed: int
) -> None:
    scores_KN = coins(seed, list(np.linspace(0.2, 0.8, count)), examples)
    search, state, asks = halved(scores_KN, SCHEDULERS[name], seed=seed, lanes=lanes)
    assert used(asks) <= lanes
    assert max(cells(asks).values(), default=0) <= 1
    assert search.ended(state)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_everyone_meets_a_prefix_of_one_row(name: str) -> None:
    scores_KN = coins(3, list(np.linspace(0.1, 0.9, 40)), 30)
    _search, state, asks = halved(scores_KN, SCHEDULERS[name], lanes=500)
    problem = state.problem
    row = [(n, passes) for passes in range(3) for n in example_row(problem, passes)]
    for k in {k for k, _, _ in cells(asks)}:
        mine = {(n, repeat) for one, n, repeat in cells(asks) if one == k}
        assert mine == set(row[: len(mine)])


@pytest.mark.parametrize("name", ["halving", "hyperband", "asha"])
def test_the_budget_goes_to_those_that_may_win(name: str) -> None:
    means = [0.3] * 4 + [0.9, 0.85] + [0.3] * 20
    scores_KN = coins(1, means, 90)
    search, state, asks = halved(scores_KN, SCHEDULERS[name], lanes=900)
    assert search.recommend(state)[0]["k"] in (4, 5)
    spent = Counter(k for k, _, _ in cells(asks))
    assert max(spent[4], spent[5]) >= 3 * np.median(list(spent.values()))


def test_promotion_follows_the_posterior_mean() -> None:
    scores_KN = coins(5, list(np.linspace(0.1, 0.9, 27)), 81)
    search = Search(Given([{"k": k} for k in range(27)]), SuccessiveHalving(entrants=27, fewest=9, batch=27))
    space = Space({"k": Integer(0, 26, default=0)})
    state = search.init(Problem(space, space.default, 81))
    fields: list[list[str]] = []
    while True:
        means = posterior_means(state.archive)
        ask, state = search.ask(state)
        if ask is None:
            break
        if fields:
            best = sorted(fields[-1], key=lambda name: -means[name])[: len(ask.population)]
            assert {member.id for member in ask.population} == set(best)
        fields.append([member.id for member in ask.population])
        found = scores_KN[np.ix_([member["k"] for member in ask.population], ask.examples)]
        state = search.tell(state, ask, Told(found.mean(1), found))
    assert [len(field) for field in fields] == [27, 9, 3]


def test_what_nobody_could_score_is_not_promoted() -> None:
    scores_KN = coins(6, [0.9] * 9, 36)
    scores_KN[:6] = np.nan
    with np.errstate(invalid="ignore"):
        _, _state, asks = halved(scores_KN, SuccessiveHalving(entrants=9), lanes=200)
    top = [ask for ask in asks if "rung 2" in ask.note]
    assert top
    assert all(member["k"] >= 6 for ask in top for member in ask.population)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_metrics_over_sets_are_halved_too(name: str) -> None:
    scores_KN = np.repeat(np.linspace(1, 0, 12)[:, None], 30, axis=1)
    search, state, asks = halved(scores_KN, SCHEDULERS[name], lanes=400, per_item=False)
    assert search.recommend(state)[0]["k"] <= 1
    assert used(asks) <= 400


def test_further_sweeps_fill_a_large_budget_and_can_be_limited() -> None:
    scores_KN = coins(7, [0.5] * 400, 36)
    _, _, many = halved(scores_KN, Hyperband(), lanes=3000)
    _, _, one = halved(scores_KN, Hyperband(sweeps=1), lanes=3000)
    assert used(one) < used(many) / 2
    assert used(many) > 2000


@pytest.mark.parametrize(
    "wrong", [{"eta": 1.0}, {"fewest": 0}, {"repeats": 0}, {"batch": 0}, {"sweeps": 0}, {"lanes": 0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SpaceError, match="halving needs"):
        Hyperband(**wrong)  # type: ignore[arg-type]
    with pytest.raises(SpaceError):
        SuccessiveHalving(entrants=1)
    with pytest.raises(SpaceError, match="ASHA needs"):
        ASHA(eta=1.0)


# Asynchronous


def mixed_space() -> Space:
    return Space({"x": Real(0, 1), "n": Integer(1, 6), "c": Choice(("a", "b", "c"))})


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10**6), model=st.booleans())
def test_answers_may_come_in_any_order(seed: int, model: bool) -> None:
    """Nothing is proposed twice, the budget holds, and what comes of it depends on the order told alone."""
    rng = np.random.default_rng(seed)
    space = mixed_space()
    search = Search(Bayesian(first=5, pool=64) if model else Random(), ASHA(width=5))
    state = search.init(Problem(space, space.default, 20, seed=seed % 7, lanes=250))
    assert search.pipelined
    flying: list[Ask] = []
    started: Counter[str] = Counter()
    spent = 0
    while True:
        while True:
            ask, state = search.ask(state)
            if ask is None:
                break
            flying.append(ask)
            assert len({member.id for each in flying for member in each.population}) <= 5
            spent += len(ask.population) * len(ask.examples)
            if "rung 1" in ask.note:
                started.update(member.id for member in ask.population)
        if not flying:
            break
        ask = flying.pop(int(rng.integers(len(flying))))
        values = np.array([[m["x"] - 0.1 * m["n"] + 0.01 * n for n in ask.examples] for m in ask.population])
        state = search.tell(state, ask, Told(values.mean(1), values))
    assert max(started.values()) == 1
    assert len(started) > 8
    assert 200 < spent <= 250
    assert search.recommend(state)[0]["x"] > 0.5


@pytest.mark.parametrize("scheduler", [Fixed(batch=3), Racing(), *SCHEDULERS.values()], ids=repr)
@pytest.mark.parametrize(
    "proposer",
    [Random(12), Sobol(12), Bayesian(12, first=4, pool=32), Given([{"x": 0.1}, {"n": 2}])],
    ids=repr,
)
def test_every_proposer_works_with_every_scheduler(proposer: object, scheduler: Scheduler) -> None:
    space = mixed_space()
    search = Search(proposer, scheduler)  # type: ignore[arg-type]
    state = search.init(Problem(space, space.default, 12, seed=1, lanes=120))
    seen: set[str] = set()
    while True:
        ask, state = search.ask(state)
        if ask is None:
            break
        seen |= {member.id for member in ask.population}
        values = np.array([[m["x"] / (1 + m["n"]) for _ in ask.examples] for m in ask.population])
        state = search.tell(state, ask, Told(values.mean(1), values))
    assert 2 <= len(seen) <= 13
    assert search.recommend(state)[0].id in seen
    assert search.ended(state)
