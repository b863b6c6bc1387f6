"""Which components are rewritten."""

from __future__ import annotations

from collections import Counter

import pytest

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.reflective import All, ByCredit, RoundRobin
from hyperfunc.rng import generator

NAMES = ("a", "b", "c")


def test_all_are_rewritten_at_once() -> None:
    assert All().choose(NAMES, 5, {}, generator(0)) == NAMES


def test_each_has_its_turn() -> None:
    turns = [RoundRobin().choose(NAMES, turn, {}, generator(0)) for turn in range(6)]
    assert turns == [("a",), ("b",), ("c",)] * 2


def test_credit_goes_where_gains_were_and_where_little_is_known() -> None:
    luck = generator(0)
    credit = {"a": (6.0, 20), "b": (0.0, 20)}  # nothing is known of c
    counts = Counter(ByCredit().choose(NAMES, 0, credit, luck)[0] for _ in range(500))
    assert counts["a"] > 400
    assert counts["c"] > counts["b"]
    even = Counter(ByCredit().choose(NAMES, 0, {}, luck)[0] for _ in range(600))
    assert min(even[name] for name in NAMES) > 150


def test_a_prior_has_to_be_above_zero() -> None:
    for prior in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(SpaceError):
            ByCredit(prior)
