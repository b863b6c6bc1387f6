"""A race spends on those that may win, compares them fairly, and says when it is settled."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import Ask, Given, Problem, Racing, Search, State, Told
from hyperfunc.spaces import Integer, Space


def raced(
    scores_KN: NDArray[np.float64],
    racing: Racing,
    *,
    seed: int = 0,
    lanes: int | None = None,
    groups: tuple[str, ...] | None = None,
) -> tuple[Search, State, list[Ask]]:
    """A race of K candidates whose scores on N examples are known; repeats give the same."""
    count, examples = scores_KN.shape
    space = Space({"k": Integer(0, count - 1, default=0)})
    search = Search(Given([{"k": k} for k in range(count)]), racing)
    state = search.init(Problem(space, space.default, examples, seed=seed, lanes=lanes, groups=groups))
    asks: list[Ask] = []
    while True:
        ask, state = search.ask(state)
        if ask is None:
            return search, state, asks
        found = scores_KN[np.ix_([member["k"] for member in ask.population], ask.examples)]
        state = search.tell(state, ask, Told(found.mean(1), found))
        asks.append(ask)


def coins(seed: int, means: list[float], examples: int) -> NDArray[np.float64]:
    """Right-or-wrong scores with the given chances."""
    draws = np.random.default_rng(seed).random((len(means), examples))
    return (draws < np.array(means)[:, None]).astype(float)


def used(asks: list[Ask]) -> int:
    return sum(len(ask.population) * len(ask.examples) for ask in asks)


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(2, 20), examples=st.integers(1, 40), lanes=st.integers(2, 500), seed=st.integers(0, 99)
)
def test_a_race_never_asks_for_more_than_its_budget(count: int, examples: int, lanes: int, seed: int) -> None:
    _, _, asks = raced(coins(seed, [0.5] * count, examples), Racing(), seed=seed, lanes=lanes)
    assert used(asks) <= lanes


@settings(deadline=None, max_examples=40)
@given(count=st.integers(2, 12), lanes=st.one_of(st.none(), st.integers(30, 400)), seed=st.integers(0, 99))
def test_all_in_a_round_meet_the_same_examples_and_none_meets_one_twice(
    count: int, lanes: int | None, seed: int
) -> None:
    scores_KN = coins(seed, list(np.linspace(0.2, 0.8, count)), 30)
    _, _, asks = raced(scores_KN, Racing(), seed=seed, lanes=lanes)
    met: Counter[tuple[str, int, int]] = Counter()
    for before, ask in zip([None, *asks], asks, strict=False):
        assert before is None or set(ask.population) <= set(before.population)
        met.update((member.id, n, ask.repeat) for member in ask.population for n in ask.examples)
    assert max(met.values()) == 1


def test_a_short_budget_goes_to_those_that_may_win() -> None:
    means = [0.3] * 30 + [0.9, 0.85]
    search, state, asks = raced(coins(1, means, 200), Racing(), lanes=640)
    assert search.recommend(state)[0]["k"] in (30, 31)
    spent: Counter[int] = Counter()
    for ask in asks:
        spent.update({member["k"]: len(ask.examples) for member in ask.population})
    assert spent[30] > 4 * np.median(list(spent.values()))


def test_without_a_limit_evidence_settles_a_race_before_the_examples_are_used_up() -> None:
    search, state, asks = raced(coins(2, [0.2, 0.9, 0.3], 400), Racing())
    assert search.recommend(state)[0]["k"] == 1
    assert "settled" in search.ended(state)
    assert used(asks) < 3 * 400 / 2


def test_equals_are_not_told_apart() -> None:
    search, state, _ = raced(coins(3, [0.5, 0.5], 60), Racing())
    assert "2 candidates are not told apart" in search.ended(state)


def test_differences_below_epsilon_do_not_matter() -> None:
    same = np.repeat(coins(4, [0.5], 300), 2, axis=0)
    search, state, asks = raced(same, Racing(epsilon=0.1))
    assert "to within 0.1" in search.ended(state)
    assert used(asks) < 600


def test_the_best_is_seldom_lost_to_evidence() -> None:
    lost = 0
    for seed in range(200):
        search, state, _ = raced(coins(seed, [0.5] * 6, 80), Racing(level=0.9), seed=seed)
        lost += "settled" in search.ended(state)
    # Among equals nobody is better, so every settled race is wrong: at most one in ten, and 99 % luck.
    assert lost <= 200 * 0.1 + 2.33 * np.sqrt(200 * 0.1 * 0.9)


def test_examples_of_a_group_are_one_piece_of_evidence() -> None:
    groups = tuple(f"g{n // 50}" for n in range(100))
    scores_KN = np.array([[1.0] * 50 + [0.6] * 50, [0.0] * 50 + [0.5] * 50])
    search, state, _ = raced(scores_KN, Racing(), groups=groups)
    assert "settled" not in search.ended(state)
    search, state, _ = raced(scores_KN, Racing())
    assert "settled" in search.ended(state)


def test_examples_of_a_group_follow_each_other() -> None:
    groups = tuple("abcd"[n % 4] for n in range(40))
    row = Racing()._row(Problem(Space({}), Space({}).default, 40, groups=groups), 0)
    assert sorted(row) == list(range(40))
    assert len({groups[n] for n in row[:10]}) == 1


def test_a_further_pass_has_new_luck() -> None:
    _, _, asks = raced(coins(5, [0.5, 0.55], 20), Racing(repeats=3))
    assert {ask.repeat for ask in asks} == {0, 1, 2}


def test_a_metric_over_sets_can_race_too() -> None:
    space = Space({"k": Integer(0, 3, default=0)})
    search = Search(Given([{"k": k} for k in range(4)]), Racing())
    state = search.init(Problem(space, space.default, 64, per_item=False, lanes=200))
    while True:
        ask, state = search.ask(state)
        if ask is None:
            break
        state = search.tell(state, ask, Told(np.array([float(member["k"]) for member in ask.population])))
    assert search.recommend(state)[0]["k"] == 3


@pytest.mark.parametrize(
    "wrong",
    [{"entrants": 1}, {"eta": 1.0}, {"finalists": 1}, {"repeats": 0}, {"level": 1.0}, {"epsilon": -0.1}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SpaceError, match="a race needs"):
        Racing(**wrong)  # type: ignore[arg-type]
