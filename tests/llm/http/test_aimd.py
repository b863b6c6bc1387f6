"""The limit follows what a server says about its load."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.llm.http.aimd import ConcurrencyLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def flown(limit: ConcurrencyLimit, number: int) -> None:
    for flying in range(1, number + 1):
        limit.entered(flying, 0.0)


def test_a_round_of_throttled_answers_halves_what_was_in_flight() -> None:
    limit = ConcurrencyLimit(1024, Clock())
    flown(limit, 100)
    for _ in range(100):
        limit.throttled()
    assert limit.places == pytest.approx(50)


def test_a_round_of_good_answers_adds_one_place() -> None:
    limit = ConcurrencyLimit(1024, Clock())
    flown(limit, 100)
    limit.throttled()
    before = limit.places
    for _ in range(int(before)):
        limit.answered(limit.whole, 0.1, 10)
    assert limit.places == pytest.approx(before + 1, abs=0.02)


def test_a_limit_that_is_not_reached_does_not_grow() -> None:
    limit = ConcurrencyLimit(1024, Clock())
    flown(limit, 100)
    limit.throttled()
    before = limit.places
    for _ in range(500):
        limit.answered(10, 0.1, 10)
    assert limit.places == before


@given(st.lists(st.sampled_from(["good", "throttled", "failed"]), max_size=300), st.integers(1, 64))
def test_it_stays_between_one_and_its_most(outcomes: list[str], most: int) -> None:
    limit = ConcurrencyLimit(most, Clock())
    flown(limit, most)
    for outcome in outcomes:
        if outcome == "good":
            limit.answered(limit.whole, 0.1, 1)
        elif outcome == "throttled":
            limit.throttled()
        else:
            limit.failed()
        assert 1 <= limit.places <= most


def test_failures_alone_leave_some_places() -> None:
    limit = ConcurrencyLimit(64, Clock())
    flown(limit, 64)
    for _ in range(1000):
        limit.failed()
    assert limit.whole == 4


@pytest.mark.parametrize(("seconds", "shrinks"), [(4.0, True), (2.5, False), (0.9, False)])
def test_answers_that_take_much_longer_than_the_best_shrink_it(seconds: float, shrinks: bool) -> None:
    clock = Clock()
    limit = ConcurrencyLimit(64, clock)
    flown(limit, 64)
    for took in (1.0 if seconds > 1 else 0.2, seconds, seconds):
        clock.now += 2.0
        for _ in range(32):
            limit.answered(1, took, 20)
    assert (limit.places < 64) is shrinks


def test_longer_completions_are_no_sign_of_load() -> None:
    clock = Clock()
    limit = ConcurrencyLimit(64, clock)
    flown(limit, 64)
    for took, tokens in ((1.0, 20), (10.0, 500), (10.0, 500)):
        clock.now += 2.0
        for _ in range(32):
            limit.answered(1, took, tokens)
    assert limit.places == 64
