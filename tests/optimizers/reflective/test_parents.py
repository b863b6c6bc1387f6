"""Whose values are rewritten."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from tests.optimizers.reflective.playing import space

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.reflective import CurrentBest, EpsilonGreedy, Pareto, TopK
from hyperfunc.optimizers.reflective.progress import Pool
from hyperfunc.rng import generator

START = space(1).default
MEMBERS = tuple(START.replace({"part0.prompt": f"text {place}"}) for place in range(4))
# The last one is best at three examples, the second at one; the third is the worst.
SCORES = {
    member.id: dict(enumerate(row))
    for member, row in zip(
        MEMBERS,
        [(0.2, 0.2, 0.2, 0.2), (0.0, 0.0, 0.0, 1.0), (0.1, 0, 0, 0), (0.9, 0.9, 0.9, 0.0)],
        strict=True,
    )
}
POOL = Pool(MEMBERS[1], MEMBERS, SCORES, {})


def chosen(parents: Any, n: int = 400) -> Counter[int]:
    luck = generator(0, "parents")
    return Counter(MEMBERS.index(parents.choose(POOL, luck)) for _ in range(n))


def test_the_best_is_always_the_best() -> None:
    assert chosen(CurrentBest()) == {1: 400}


def test_members_of_the_front_are_drawn_as_often_as_they_lead() -> None:
    counts = chosen(Pareto(best=0.0))
    assert set(counts) == {1, 3}
    assert 260 < counts[3] < 340


def test_the_best_is_taken_with_its_own_probability() -> None:
    assert 220 < chosen(Pareto(best=0.5))[1] < 300  # a half, and a quarter of the other half


def test_fronts_that_have_nothing_yet_give_the_best() -> None:
    assert chosen(Pareto("objective", best=0.0)) == {1: 400}


def test_epsilon_is_the_share_of_even_draws() -> None:
    assert chosen(EpsilonGreedy(0.0)) == {1: 400}
    counts = chosen(EpsilonGreedy(0.4))
    assert set(counts) == {0, 1, 2, 3}
    assert 250 < counts[1] < 310


def test_the_top_has_the_best_and_the_highest_means() -> None:
    assert set(chosen(TopK(1))) == {1}
    assert set(chosen(TopK(2))) == {1, 3}
    assert set(chosen(TopK(3))) == {0, 1, 3}
    assert set(chosen(TopK(10))) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Pareto("median"),  # type: ignore[arg-type]
        lambda: Pareto(best=1.0),
        lambda: Pareto(best=-0.1),
        lambda: EpsilonGreedy(1.1),
        lambda: EpsilonGreedy(math.nan),
        lambda: TopK(0),
    ],
)
def test_settings_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(SpaceError):
        wrong()
