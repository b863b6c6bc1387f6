"""The choice for numbers that cost model calls fits the budget, and says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.optimizers import Bayesian, Fixed, Problem, Racing, Search, chosen
from hyperfunc.optimizers.for_calls import MOST_KNOBS, for_calls
from hyperfunc.spaces import Choice, Integer, Real, Space, Text


def numbers(dim: int) -> Space:
    return Space({f"x{place}": Real(0, 1) for place in range(dim)})


@given(dim=st.integers(1, MOST_KNOBS), lanes=st.integers(8, 10**5), examples=st.integers(1, 300))
def test_one_step_never_takes_more_than_half_of_the_budget(dim: int, lanes: int, examples: int) -> None:
    found = for_calls(numbers(dim), lanes)
    assert found is not None
    optimizer, why = found
    assert isinstance(optimizer, Search)
    space = numbers(dim)
    ask, _ = optimizer.ask(optimizer.init(Problem(space, space.default, examples, lanes=lanes)))
    assert ask is not None
    assert len(ask.population) * len(ask.examples) <= max(16, lanes // 2)
    assert "Gaussian process" in why


def test_few_settings_race() -> None:
    found = for_calls(Space({"mode": Choice(("a", "b", "c")), "n": Integer(1, 4)}), 300)
    assert found is not None
    assert isinstance(found[0], Search)
    assert isinstance(found[0].scheduler, Racing)
    assert "12 settings" in found[1]
    short = for_calls(Space({"mode": Choice(("a", "b", "c")), "n": Integer(1, 4)}), 20)
    assert short is not None
    assert isinstance(short[0], Search)
    assert isinstance(short[0].scheduler, Fixed)


def test_more_money_buys_more_examples_for_each() -> None:
    counts = []
    for lanes in (100, 1000, 3000):
        found = for_calls(numbers(3), lanes)
        assert found is not None
        assert isinstance(found[0], Search)
        assert isinstance(found[0].scheduler, Fixed)
        counts.append(found[0].scheduler.examples)
    assert counts == [4, 10, 30]


@pytest.mark.parametrize("per_item", [True, False])
def test_without_a_limit_or_for_sets_all_examples_are_used(per_item: bool) -> None:
    found = for_calls(numbers(2), None if per_item else 500, per_item)
    assert found is not None
    assert found[0] == Search(Bayesian(), Fixed(batch=4))


def test_words_and_many_numbers_are_left_to_others() -> None:
    assert for_calls(Space({"x": Real(0, 1), "p": Text("a")})) is None
    assert for_calls(numbers(MOST_KNOBS + 1)) is None
    assert for_calls(Space({})) is None


def test_every_choice_says_why() -> None:
    for space in (numbers(1), numbers(40), Space({"p": Text("Hm.")}), Space({})):
        for calls in (0.0, 1.0):
            assert chosen(space, calls_per_lane=calls).why
